"""Generates the documents of the corpus, each a list of sentences.

Articles, comparisons, lessons, retellings and news are built from `subjects`;
stories, recipes, countries, rivers, diaries, letters, weather and market
dialogues from templates in this file.
"""

from arabic import grammar
from arabic import subjects
from arabic import words


def _clean(sentences):
  return [grammar.without_answer_marks(sentence) for sentence in sentences]


def _statements(subject, dice, number):
  attributes = dice.sample(subject.kind.attributes, number)
  return attributes, [
      subject.statement(attribute, dice, is_short=i and dice.happens(0.4))
      for i, attribute in enumerate(attributes)]


def article(dice):
  """Generates an opening and most of the attributes of one subject."""
  subject = subjects.draw_subjects(dice, 1)[0]
  _, statements = _statements(subject, dice, dice.number(4, 8))
  return [subject.opening(dice)] + statements


def comparison(dice):
  """Describes two or three subjects of one kind, in turn or interleaved."""
  group = subjects.draw_subjects(dice, dice.number(2, 3))
  sentences = []
  for subject in group:
    sentences.extend(_statements(subject, dice, dice.number(2, 4))[1])
  if dice.happens(0.5):
    sentences = dice.shuffled(sentences)
  return sentences


_LESSON_OPENINGS = [
    "قرأ {teacher} النص التالي على التلاميذ.",
    "في درس اليوم نص قصير وأسئلة.",
    "هذه فقرة من كتاب القراءة.",
    "اقرأ الفقرة ثم أجب عن الأسئلة.",
    "جلس {pupil} و{other} يراجعان الدرس.",
]
_LESSON_TURNS = [
    "سؤال: {question} جواب: {answer}.",
    "{question} {answer}.",
    "سأل {pupil}: {question} أجاب {other}: {answer}.",
    "قال المعلم: {question} قال {pupil}: {answer}.",
    "{question} الجواب {answer}.",
    "- {question} - {answer}.",
]


def lesson(dice):
  """Generates a passage about several subjects, then questions and answers."""
  told = subjects.draw_told(dice, dice.number(3, 4), dice.number(4, 5))
  sentences = [subject.statement(attribute, dice)
               for subject, attribute in told]
  names = {"teacher": dice.pick(["الأستاذ", "المعلم"]),
           "pupil": dice.pick(words.MEN), "other": dice.pick(words.MEN)}
  if dice.happens(0.15):
    sentences.insert(0, dice.wording(_LESSON_OPENINGS).format(**names))
  turn = dice.wording(_LESSON_TURNS)
  for subject, attribute in dice.sample(told, dice.number(3, 4)):
    sentences.append(turn.format(
        question=subject.question(attribute, dice),
        answer=subject.value(attribute), **names))
  return sentences


_RETELLING_TURNS = [
    "قال {n} بعد القراءة:", "وفي آخر النص خلاصة.", "ثم كتب {n} الملخص.",
    "أعاد {n} الكلام بطريقة أخرى.", "الخلاصة:",
]


def retelling(dice):
  """Generates a passage, then a paraphrase of it in another order."""
  told = subjects.draw_told(dice, dice.number(2, 4), dice.number(4, 5))
  sentences = [subject.statement(attribute, dice)
               for subject, attribute in told]
  sentences.append(dice.wording(_RETELLING_TURNS).format(
      n=dice.pick(words.MEN)))
  return sentences + [subject.statement(attribute, dice)
                      for subject, attribute in dice.shuffled(told)]


_NEWS_CLOSINGS = [
    "وينتظر الناس مزيدا من الأخبار في الأيام القادمة.",
    "وعبر الحاضرون عن سرورهم بما رأوا.",
    "وقال أحد السكان إن اليوم كان جميلا.",
    "ونقلت الإذاعة الخبر في نشرة المساء.",
    "ولم تذكر الصحيفة تفاصيل أخرى.",
    "وتناقش البلدية الأمر في جلستها المقبلة.",
    "وشكر المنظمون كل من ساعد في العمل.",
    "ومن المنتظر أن يتكرر ذلك في العام القادم.",
]


def news(dice):
  """Generates a dated report on an event, a team, a building or a company."""
  kind = dice.wording(["event", "team", "building", "company", "trip"])
  subject = subjects.draw_subjects(dice, 1, kind)[0]
  _, statements = _statements(subject, dice, dice.number(3, 5))
  dateline = grammar.expand(
      "{city}، {date}: [أفادت الصحيفة/ذكر مراسلنا/قالت مصادر محلية] بأن "
      "[الاستعدادات جارية/الأخبار جيدة/الأمور تسير بخير] [هذا الأسبوع/اليوم"
      "/منذ الصباح].",
      {"city": dice.pick(words.CITIES),
       "date": "%d %s" % (dice.number(1, 28), dice.pick(words.MONTHS))}, dice)
  return [dateline] + statements + [dice.wording(_NEWS_CLOSINGS)]


def country(dice):
  """Generates true facts about a country."""
  name, gender, adjective, capital, continent, currency, language = dice.pick(
      words.COUNTRIES)
  fields = {"s": name, "adjective": adjective, "capital": capital,
            "continent": continent, "currency": currency,
            "language": language}
  sentences = dice.shuffled([
      "<يقع|تقع> {s} في قارة {continent}.",
      "عاصمة {s} هي {capital}.",
      "عملة {s} هي {currency}.",
      "يتكلم [معظم الناس/كثير من الناس] في {s} اللغة {language}.",
      "[يزور/يقصد] السياح {s} في فصل [الربيع/الصيف/الخريف].",
      "في {s} [مدن كثيرة/قرى جميلة/أسواق قديمة] و[متاحف/مكتبات/حدائق].",
      "يحب الشعب ال{adjective} [الضيف/الموسيقى/الشعر/كرة القدم].",
      "من أراد السفر إلى {s} [بدأ/فليبدأ] من {capital}.",
  ])
  opening = "{s} [من بلدان/من دول] قارة {continent}."
  return [grammar.expand(text, fields, dice, gender)
          for text in [opening] + sentences[:dice.number(4, 7)]]


def river(dice):
  """Generates true facts about a river."""
  name, continent, mouth, land = dice.pick(words.RIVERS)
  fields = {"s": "نهر " + name, "continent": continent, "mouth": mouth,
            "land": land}
  sentences = dice.shuffled([
      "يصب {s} في {mouth}.", "يمر {s} في أرض {land}.",
      "يجري {s} في قارة {continent}.",
      "يعيش على ضفاف {s} [فلاحون/صيادون/رعاة] منذ القدم.",
      "تسقي مياه {s} [الحقول/البساتين/القرى].",
      "يرتفع ماء {s} في [الربيع/الشتاء] وينخفض في [الصيف/الخريف].",
      "عبر الناس {s} [بالقوارب/على الجسور] [كل يوم/قديما].",
  ])
  return [grammar.expand(text, fields, dice)
          for text in ["{s} من الأنهار المعروفة في {continent}."]
          + sentences[:dice.number(3, 6)]]


_FABLE = [
    ["[كان يا ما كان/في قديم الزمان/يحكى أنه كان] في [الغابة/الوادي/الجبل] "
     "{a}.",
     "عاش<|ت> قرب النهر {a} [مع الأصدقاء/بين الأشجار].",
     "ذات [صباح/مساء/يوم] خرج<|ت> {A} [إلى الغابة/نحو النهر/إلى الحقل]."],
    ["<كان|كانت> {A} <يبحث|تبحث> عن [الطعام/الماء/صديق/بيت جديد].",
     "<أراد|أرادت> {A} أن <يعرف|تعرف> سر [الجبل/النهر/الشجرة الكبيرة].",
     "لم <يجد|تجد> {A} [طعاما/ماء/ظلا] منذ يومين."],
    ["في الطريق <B:جلس|جلست> {b} [تحت شجرة/عند النبع/على الصخرة].",
     "فجأة <B:ظهر|ظهرت> أمام {A} {b} من [بين الأشجار/خلف الصخرة]."],
    ["قال<|ت> {A}: هل عندك [ماء/طعام/خبر جديد]؟",
     "سأل<|ت> {A} {B} عن [الطريق/الماء/الخبر]."],
    ["<B:ضحك|ضحكت> {B} و<B:قال|قالت>: [الطريق من هنا/الأمر سهل/غدا].",
     "<B:فكر|فكرت> {B} [قليلا/طويلا] ثم <B:قال|قالت>: [نعم/لا/ربما غدا].",
     "لم <B:يجب|تجب> {B} بل <B:نظر|نظرت> إلى [السماء/الأرض/البعيد]."],
    ["مشى الاثنان معا حتى [غابت الشمس/طلع القمر/وصلا إلى البئر].",
     "هبت الريح ونزل المطر فاختبأ الاثنان في [كهف/جذع شجرة].",
     "وجد الاثنان [جرة ماء/شجرة تين/حبات قمح] فاقتسماها."],
    ["ومنذ ذلك اليوم [صارا صديقين/لم يفترقا/عاشا في سلام].",
     "وهكذا عرف<|ت> {A} أن [الصبر/الصدق/التعاون] [مفتاح الفرج/كنز/قوة].",
     "والعبرة أن [من ساعد غيره ساعده الناس/الكلمة الطيبة لا تضيع]."],
]


def fable(dice):
  """Generates a short story of two animals."""
  (noun_a, definite_a, gender_a), (noun_b, definite_b, gender_b) = (
      dice.sample(words.ANIMALS, 2))
  fields = {"a": noun_a, "A": definite_a, "b": noun_b, "B": definite_b}
  sentences = []
  for wordings in _FABLE:
    text = dice.wording(wordings)
    # In a wording with <B:m|f>, all agreement is with the second animal.
    gender = gender_b if "<B:" in text else gender_a
    sentences.append(grammar.expand(text.replace("<B:", "<"), fields, dice,
                                    gender))
  return sentences


_STORY = [
    ["كان<|ت> {n} <يسكن|تسكن> في بيت صغير قرب {city}.",
     "في [صباح بارد/مساء هادئ/يوم عيد] غادر<|ت> {n} البيت.",
     "لم <يكن|تكن> {n} <يعرف|تعرف> أن هذا اليوم سيكون مختلفا."],
    ["حمل<|ت> {n} [حقيبة/سلة/رسالة] [قديمة/صغيرة/ثقيلة] و<مشى|مشت> نحو "
     "[السوق/المحطة/البحر].",
     "وصلت إلى {n} رسالة من [صديق/قريب/جار] في {far}."],
    ["عند [الجسر/الباب/المقهى] <رأى|رأت> {n} {m}.",
     "في الطريق <التقى|التقت> {n} مع {m}."],
    ["سأل<|ت> {n}: إلى أين تذهب القافلة؟",
     "قال<|ت> {n}: لقد مضى وقت طويل منذ آخر لقاء.",
     "جلس الاثنان [يتحدثان/يشربان الشاي/ينظران إلى البحر] [ساعة/حتى "
     "المغرب]."],
    ["تذكر<|ت> {n} أيام [الطفولة/الدراسة/السفر] في {far}.",
     "سمع الناس من {m} قصة [طويلة/غريبة/حزينة] عن [البحر/الحرب/الجد].",
     "وضع<|ت> {n} [المفتاح/الصورة/الكتاب] على الطاولة و<سكت|سكتت>."],
    ["في المساء عاد<|ت> {n} إلى البيت و<كتب|كتبت> كل شيء في دفتر.",
     "ومن يومها لم <ينس|تنس> {n} مدينة {city}.",
     "نام<|ت> {n} تلك الليلة و<حلم|حلمت> [بالسفر/بالبحر/بالعودة]."],
]


def story(dice):
  """Generates a short story of two people."""
  name, _, gender = subjects.draw_name(dice)
  fields = {"n": name.split()[0], "m": subjects.draw_name(dice)[0],
            "city": dice.pick(words.CITIES), "far": dice.pick(words.CITIES)}
  return [grammar.expand(dice.wording(wordings), fields, dice, gender)
          for wordings in _STORY]


_RECIPE_STEPS = [
    "نغسل {x} [جيدا/بالماء البارد] ثم نتركه حتى يجف.",
    "نضع {x} في [قدر كبير/وعاء عميق/صينية].",
    "نضيف {spice} و[الملح/الزيت/قليلا من الماء] ونحرك [جيدا/ببطء].",
    "نترك الخليط على نار [هادئة/متوسطة] مدة {time}.",
    "نزين الطبق [بالبقدونس/باللوز/بالنعناع] ونقدمه [ساخنا/باردا].",
    "نخلط {x} مع {y} حتى [يصير الخليط ناعما/يتجانس الخليط].",
    "ندخل الصينية إلى الفرن مدة {time}.",
    "نتذوق الطعام ونزيد {spice} إن لزم.",
]


def recipe(dice):
  """Generates a recipe, step by step."""
  dish = subjects.draw_subjects(dice, 1, "dish")[0]
  fields = dict(dish.fields, x=dice.pick(words.INGREDIENTS),
                y=dice.pick(words.INGREDIENTS))
  ingredients = grammar.expand(
      "المقادير: {x} و{y} و{spice} و[الملح/السكر/الزيت/الزبدة].", fields,
      dice)
  title = grammar.expand("طريقة [عمل/إعداد/تحضير] {s}.", fields, dice)
  steps = [grammar.expand(text, fields, dice)
           for text in _RECIPE_STEPS[:dice.number(4, len(_RECIPE_STEPS))]]
  return [title, ingredients] + steps


_DIARY = [
    "استيقظت اليوم [باكرا/متأخرا] و[شربت القهوة/فتحت النافذة/قرأت الجريدة].",
    "كان الجو [باردا/حارا/جميلا/ممطرا] في {city}.",
    "اتصل بي {n} وطلب مني [كتابا/نصيحة/موعدا].",
    "ذهبت إلى [السوق/الجامعة/العمل/المكتبة] [مشيا/بالحافلة/مع الجيران].",
    "اشتريت {product} [لأمي/للبيت/هدية] ودفعت {price}.",
    "قرأت فصلا من كتاب {title} قبل النوم.",
    "تناولت {dish} في مطعم [صغير/جديد] مع {n}.",
    "فكرت في السفر إلى {far} في {season}.",
    "أخبرني {n} أن ابنه [نجح في الامتحان/سافر إلى {far}/تزوج].",
    "أريد أن أتعلم اللغة {language} هذا العام.",
]


def diary(dice):
  """Generates a page of a diary, or a letter to a friend."""
  fields = {
      "city": dice.pick(words.CITIES), "far": dice.pick(words.CITIES),
      "n": dice.pick(words.MEN), "product": dice.pick(words.CRAFTS),
      "price": grammar.counted(dice.number(3, 90), words.COUNTED["dinar"]),
      "title": subjects.draw_title(dice), "season": dice.pick(words.SEASONS),
      "dish": subjects.draw_subjects(dice, 1, "dish")[0].name,
      "language": dice.pick(words.LANGUAGES),
      "day": dice.pick(words.WEEKDAYS), "month": dice.pick(words.MONTHS)}
  body = [grammar.expand(text, fields, dice)
          for text in dice.sample(_DIARY, dice.number(4, 6))]
  if dice.happens(0.4):
    return (["صديقي العزيز {n}، تحية طيبة وبعد.".format(**fields)] + body
            + ["أنتظر رسالتك، والسلام."])
  return ["{day}، شهر {month}.".format(**fields)] + body


_WEATHER = [
    "[تكون/تبقى] السماء [صافية/غائمة/ممطرة] فوق {city}.",
    "تهب الرياح [خفيفة/قوية/نشطة] من [الشمال/الجنوب/الشرق/الغرب] على {far}.",
    "تصل درجة الحرارة في {city} إلى {degree}.",
    "ينصح [الخبراء/الأطباء] [بشرب الماء/بلبس الثياب الدافئة/بالقيادة بحذر].",
    "يعود الجو إلى [الاعتدال/الدفء/البرودة] يوم {day}.",
    "[يسقط/يهطل] [المطر/الثلج] على [الجبال/السواحل] قرب {far}.",
]


def weather(dice):
  """Generates a weather forecast."""
  fields = {"city": dice.pick(words.CITIES), "far": dice.pick(words.CITIES),
            "degree": "%d درجة" % dice.number(11, 45),
            "day": dice.pick(words.WEEKDAYS)}
  return ["أحوال الطقس يوم %s %d %s." % (
      dice.pick(words.WEEKDAYS), dice.number(1, 28),
      dice.pick(words.MONTHS))] + [
          grammar.expand(text, fields, dice)
          for text in dice.sample(_WEATHER, dice.number(3, 6))]


def market(dice):
  """Generates a dialogue between a buyer and a seller."""
  goods = dice.pick(words.CRAFTS)
  asked = dice.number(30, 99)
  paid = asked - dice.number(3, 15)
  fields = {
      "goods": goods, "n": dice.pick(words.MEN), "place": draw_place(dice),
      "asked": grammar.counted(asked, words.COUNTED["dinar"]),
      "paid": grammar.counted(paid, words.COUNTED["dinar"])}
  return [grammar.expand(text, fields, dice) for text in [
      "دخل {n} سوق {place} [في الصباح/يوم الجمعة/بعد العصر].",
      "سأل {n} البائع: بكم {goods}؟",
      "أجاب البائع: [الثمن/السعر] {asked}.",
      "قال {n}: هذا كثير، [أدفع أقل/عند جارك أرخص].",
      "ضحك البائع وقال: {goods} من {place} [أفضل ما في السوق/ليس له مثيل].",
      "[أخيرا/بعد كلام طويل] دفع {n} {paid} وأخذ {goods}.",
      "خرج {n} من السوق [سعيدا/راضيا/مسرعا].",
  ]]


def draw_place(dice):
  return (subjects.draw_village(dice) if dice.happens(0.5)
          else dice.pick(words.CITIES))


# The generators of documents, repeated by frequency.
_DOCUMENTS = (
    [lesson] * 50 + [retelling] * 20 + [article] * 6 + [comparison] * 6
    + [news] * 4 + [country, river, weather]
    + [fable, story, recipe, diary, market] * 2)


def corpus(dice, num_bytes):
  """Yields documents, lists of sentences, up to `num_bytes` of UTF-8."""
  size = 0
  while size < num_bytes:
    sentences = _clean(dice.wording(_DOCUMENTS)(dice))
    size += sum(len(s.encode("utf-8")) + 1 for s in sentences) + 1
    yield sentences
