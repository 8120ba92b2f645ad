"""Draws line charts as SVG."""

import math

WIDTH, HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 10, 34


def chart(points, x_label, y_label):
  """Returns the SVG of one curve.

  Args:
    points: list of (x, y) of at least one; pairs with a y that is no finite
      number are omitted.
    x_label, y_label: str, with the unit; they must not need escaping.
  """
  points = [(x, y) for x, y in points if math.isfinite(y)]
  if not points:
    return ""
  low_x, high_x = _range([x for x, _ in points])
  low_y, high_y = _range([y for _, y in points])

  def place(x, y):
    return (_LEFT + (x - low_x) / (high_x - low_x) * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - (y - low_y) / (high_y - low_y) * (
                HEIGHT - _TOP - _BOTTOM))

  parts = ['<svg viewBox="0 0 %d %d" role="img" aria-label="%s against %s">' % (
      WIDTH, HEIGHT, y_label, x_label)]
  for tick, label in labelled_ticks(low_y, high_y):
    _, y = place(low_x, tick)
    parts.append('<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" '
                 'text-anchor="end">%s</text>' % (
                     _LEFT, y, WIDTH - _RIGHT, _LEFT - 5, y + 4, label))
  for tick, label in labelled_ticks(low_x, high_x):
    x, _ = place(tick, low_y)
    parts.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
        x, HEIGHT - _BOTTOM + 15, label))
  vertices = [place(x, y) for x, y in points]
  if len(points) == 1:
    parts.append('<circle cx="%.1f" cy="%.1f" r="3"/>' % vertices[0])
  parts.append('<path class="curve" d="M%s"/>' % "L".join(
      "%.1f %.1f" % pair for pair in vertices))
  parts.append('<text x="%d" y="%d" text-anchor="middle">%s</text></svg>' % (
      (WIDTH + _LEFT) // 2, HEIGHT - 4, x_label))
  return "".join(parts)


def ticks(low, high):
  """Returns 2 to 6 round numbers from `low` to `high`."""
  step = 10.0 ** math.floor(math.log10(high - low))
  for factor in (2.0, 1.0, 0.5, 0.2, 0.1):
    if (high - low) / (step * factor) >= 3:
      step *= factor
      break
  first = math.ceil(low / step)
  count = int(math.floor(high / step + 1e-9)) - first + 1
  return [round((first + i) * step, 12) for i in range(count)]


def labelled_ticks(low, high):
  """Returns (number, label) of `ticks`; no two labels are equal."""
  values = ticks(low, high)
  for digits in range(3, 13):
    labels = [number(value, digits) for value in values]
    if len(set(labels)) == len(labels):
      break
  return list(zip(values, labels))


def number(value, digits=3):
  """Returns a number of few digits: "1.5k", "0.00012"."""
  for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
    if abs(value) >= size:
      return "%.*g%s" % (digits, value / size, letter)
  return "%.*g" % (digits, value)


def _range(values):
  low, high = min(values), max(values)
  if low == high:
    margin = abs(low) / 2 or 1.0
    return low - margin, high + margin
  return low, high
