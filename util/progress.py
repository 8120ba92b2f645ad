"""How long work has still to go, in words."""


def readable_time(seconds):
  """Returns a duration as "1d 02:03:04" or "02:03:04"."""
  days, rest = divmod(int(seconds), 24 * 3600)
  clock = "%02d:%02d:%02d" % (rest // 3600, rest // 60 % 60, rest % 60)
  return "%dd %s" % (days, clock) if days else clock
