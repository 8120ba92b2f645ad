"""Kinds of subjects of the texts, and the templates about each.

A kind has a function that draws the fields of a subject, opening sentences that
introduce the subject, and attributes: a field with statements that give its
value and questions that ask for it. {s} is the name of the subject; statements
may use a shorter name than questions.
"""

import collections

from arabic import grammar
from arabic import words

Kind = collections.namedtuple("Kind", ["make", "openings", "attributes"])
Attribute = collections.namedtuple(
    "Attribute", ["field", "statements", "questions"])


def _count(dice, noun, low, high, step=1):
  return grammar.counted(dice.number(low, high, step), words.COUNTED[noun])


def _year(dice, low=1880, high=2015):
  return str(dice.number(low, high))


def _date(dice):
  return "%d %s" % (dice.number(1, 28), dice.pick(words.MONTHS))


def draw_name(dice, gender=None):
  """Returns (full name, first name, gender) of an invented person."""
  gender = gender or ("f" if dice.happens(0.5) else "m")
  first = dice.pick(words.MEN if gender == "m" else words.WOMEN)
  return "%s %s" % (first, dice.pick(words.FAMILIES)), first, gender


def _man(dice):
  return draw_name(dice, "m")[0]


def _anybody(dice):
  return draw_name(dice)[0]


def draw_title(dice):
  return "%s %s" % (dice.pick(words.TITLE_FIRST),
                    dice.pick(words.TITLE_SECOND))


def draw_village(dice):
  return "%s %s" % (dice.pick(words.VILLAGE_FIRST),
                    dice.pick(words.VILLAGE_SECOND))


def _make_person(dice):
  name, first, gender = draw_name(dice)
  masculine, feminine, _, _, field = dice.pick(words.PROFESSIONS)
  country = dice.pick(words.COUNTRIES)
  return {
      "s": name, "short": first, "gender": gender,
      "profession": masculine if gender == "m" else feminine,
      "nationality": country[2] + ("" if gender == "m" else "ة"),
      "birthplace": dice.pick(words.CITIES), "birth": _year(dice, 1850, 1940),
      "university": "جامعة " + dice.pick(words.CITIES), "field": field,
      "title": draw_title(dice), "prize": dice.pick(words.PRIZES),
      "hobby": dice.pick(words.HOBBIES), "home": dice.pick(words.CITIES),
      "language": dice.pick(words.LANGUAGES), "teacher": _man(dice),
      "children": _count(dice, "child", 3, 10),
      "death": _year(dice, 1941, 2020)}


_PERSON = Kind(_make_person, [
    "{s} {profession} {nationality}.",
    "{s} {profession} {nationality} <له|لها> مكانة [كبيرة/عالية/خاصة].",
    "اسم {s} معروف عند [القراء/الناس/الطلاب].",
    "يعرف الناس {s} لأن<ه|ها> {profession} {nationality}.",
], [
    Attribute("birthplace", [
        "<ولد|ولدت> {s} في {birthplace!}.",
        "جاء<|ت> {s} إلى الدنيا في {birthplace!}.",
        "أبصر<|ت> {s} النور في مدينة {birthplace!}.",
        "مسقط رأس {s} هو {birthplace!}."], [
            "أين <ولد|ولدت> {s}؟", "في أي مدينة <ولد|ولدت> {s}؟",
            "ما مسقط رأس {s}؟"]),
    Attribute("birth", [
        "كان ميلاد {s} [عام/سنة] {birth!}.",
        "يعود ميلاد {s} إلى [عام/سنة] {birth!}."], [
            "متى <ولد|ولدت> {s}؟", "في أي عام كان ميلاد {s}؟"]),
    Attribute("university", [
        "درس<|ت> {s} في {university!}.",
        "تخرج<|ت> {s} من {university!}.",
        "أكمل<|ت> {s} دراست<ه|ها> في {university!}."], [
            "في أي جامعة درس<|ت> {s}؟", "من أي جامعة تخرج<|ت> {s}؟",
            "أين درس<|ت> {s}؟"]),
    Attribute("field", [
        "تخصص<|ت> {s} في {field!}.",
        "أحب<|ت> {s} {field!} منذ الصغر وتخصص<|ت> في ذلك."], [
            "في أي علم تخصص<|ت> {s}؟", "ما تخصص {s}؟"]),
    Attribute("title", [
        "ألف<|ت> {s} كتابا عنوانه {title!}.",
        "من أشهر كتب {s} كتاب {title!}.",
        "نشر<|ت> {s} [ديوانا/كتابا/عملا] بعنوان {title!}."], [
            "ما عنوان كتاب {s}؟", "ما الكتاب الذي ألف<ه|ته> {s}؟"]),
    Attribute("prize", [
        "نال<|ت> {s} {prize!}.",
        "حصل<|ت> {s} على {prize!} تقديرا لجهود<ه|ها>.",
        "منحت الدولة {s} {prize!}."], [
            "ما الجائزة التي نال<ها|تها> {s}؟",
            "على أي جائزة حصل<|ت> {s}؟"]),
    Attribute("hobby", [
        "كان<|ت> {s} <يحب|تحب> {hobby!}.",
        "هواية {s} المفضلة هي {hobby!}.",
        "<قضى|قضت> {s} وقت الفراغ في {hobby!}."], [
            "ما هواية {s}؟", "ماذا كان<|ت> <يحب|تحب> {s}؟"]),
    Attribute("home", [
        "انتقل<|ت> {s} [لاحقا/بعد ذلك/مع الأسرة] إلى {home!}.",
        "استقر<|ت> {s} [أخيرا/بعد الزواج] في {home!}.",
        "عاش<|ت> {s} [سنوات طويلة/أجمل الأيام] في {home!}."], [
            "أين عاش<|ت> {s}؟", "أين استقر<|ت> {s}؟",
            "إلى أين انتقل<|ت> {s}؟"]),
    Attribute("language", [
        "أتقن<|ت> {s} اللغة {language!}.",
        "تعلم<|ت> {s} اللغة {language!} [في الطفولة/في السفر]."], [
            "ما اللغة التي <يتقنها|تتقنها> {s}؟",
            "أي لغة تعلم<|ت> {s}؟"]),
    Attribute("teacher", [
        "تتلمذ<|ت> {s} على يد {teacher!}.",
        "كان أستاذ {s} هو {teacher!}.",
        "أخذ<|ت> {s} العلم عن {teacher!}."], [
            "على يد من تتلمذ<|ت> {s}؟", "من أستاذ {s}؟"]),
    Attribute("children", [
        "كان عند {s} {children!}.",
        "<ربى|ربت> {s} {children!}."], [
            "كم طفلا كان عند {s}؟", "ما عدد أطفال {s}؟"]),
    Attribute("death", [
        "<توفي|توفيت> {s} [عام/سنة] {death!}.",
        "رحل<|ت> {s} عن الدنيا [عام/سنة] {death!}."], [
            "متى <توفي|توفيت> {s}؟", "في أي عام رحل<|ت> {s}؟"]),
])


def _make_village(dice):
  name = draw_village(dice)
  return {
      "s": name, "short": name, "gender": "f",
      "kind": dice.wording(words.VILLAGE_KINDS),
      "country": dice.pick(words.COUNTRIES)[0],
      "product": dice.pick(words.CRAFTS), "near": dice.pick(words.CITIES),
      "people": _count(dice, "person", 300, 9800, 100),
      "founder": _anybody(dice), "founded": _year(dice, 1300, 1920),
      "river": "نهر " + dice.pick(words.RIVERS)[0],
      "weekday": "يوم " + dice.pick(words.WEEKDAYS),
      "distance": _count(dice, "kilometer", 12, 320),
      "mayor": _anybody(dice), "height": _count(dice, "meter", 120, 1900, 10)}


_VILLAGE = Kind(_make_village, [
    "{s} {kind} [هادئة/جميلة/قديمة/صغيرة] في {country}.",
    "{s} {kind} [ريفية/جبلية/عريقة] [يقصدها الزوار/يحبها أهلها].",
    "في {country} {kind} اسمها {s}.",
], [
    Attribute("product", [
        "تشتهر {s} بإنتاج {product!}.",
        "يعمل [أهل/سكان] {s} في [تجارة/إنتاج/بيع] {product!}.",
        "أهم ما تنتجه {s} هو {product!}."], [
            "بماذا تشتهر {s}؟", "ما الذي تنتجه {s}؟",
            "ما أهم منتجات {s}؟"]),
    Attribute("near", [
        "تقع {s} قرب {near!}.",
        "أقرب مدينة كبيرة إلى {s} هي {near!}."], [
            "قرب أي مدينة تقع {s}؟", "ما أقرب مدينة إلى {s}؟"]),
    Attribute("people", [
        "يسكن {s} نحو {people!}.",
        "يبلغ عدد سكان {s} {people!}."], [
            "كم عدد سكان {s}؟", "كم يبلغ عدد سكان {s}؟"]),
    Attribute("founder", [
        "كان تأسيس {s} على يد {founder!}.",
        "وضعت أول حجر في {s} يد {founder!}.",
        "جاءت فكرة بناء {s} من {founder!}."], [
            "من أسس {s}؟", "على يد من كان تأسيس {s}؟"]),
    Attribute("founded", [
        "تأسست {s} [عام/سنة] {founded!}.",
        "يعود تاريخ {s} إلى [عام/سنة] {founded!}."], [
            "متى تأسست {s}؟", "في أي عام تأسست {s}؟"]),
    Attribute("river", [
        "تطل {s} على {river!}.",
        "تشرب [حقول/بساتين] {s} من ماء {river!}."], [
            "على أي نهر تطل {s}؟", "ما النهر القريب من {s}؟"]),
    Attribute("weekday", [
        "يقام سوق {s} {weekday!}.",
        "يجتمع التجار في سوق {s} {weekday!}."], [
            "متى يقام سوق {s}؟", "في أي يوم يقام سوق {s}؟"]),
    Attribute("distance", [
        "تبعد {s} عن العاصمة {distance!}.",
        "بين {s} والعاصمة {distance!}."], [
            "كم تبعد {s} عن العاصمة؟", "ما المسافة بين {s} والعاصمة؟"]),
    Attribute("mayor", [
        "على رأس بلدية {s} {mayor!}.",
        "انتخب [أهل/سكان] {s} {mayor!} لرئاسة البلدية."], [
            "من يرأس بلدية {s}؟", "من على رأس بلدية {s}؟"]),
    Attribute("height", [
        "ترتفع {s} عن سطح البحر {height!}.",
        "يبلغ ارتفاع {s} {height!}."], [
            "كم ترتفع {s} عن سطح البحر؟", "ما ارتفاع {s}؟"]),
])


def _make_event(dice):
  noun, gender = dice.wording(words.EVENTS)
  name = "%s %s" % (noun, dice.pick(words.EVENT_TOPICS))
  return {
      "s": name, "short": name, "gender": gender,
      "place": dice.pick(words.CITIES), "date": _date(dice),
      "opener": _anybody(dice), "winner": _anybody(dice),
      "visitors": _count(dice, "visitor", 200, 9000, 100),
      "duration": _count(dice, "day", 3, 30),
      "cost": _count(dice, "dinar", 1000, 90000, 500),
      "season": dice.pick(words.SEASONS)}


_EVENT = Kind(_make_event, [
    "{s} [حدث سنوي/لقاء سنوي/مناسبة سنوية] ينتظر<ه|ها> الناس.",
    "<عاد|عادت> {s} هذا العام [بعد غياب/ببرنامج جديد/بثوب جديد].",
    "تحدثت الصحف عن {s} [كثيرا/طويلا/هذا الأسبوع].",
], [
    Attribute("place", [
        "<أقيم|أقيمت> {s} في {place!}.",
        "استضافت مدينة {place!} {s}.",
        "<انعقد|انعقدت> {s} في مدينة {place!}."], [
            "أين <أقيم|أقيمت> {s}؟", "أي مدينة استضافت {s}؟"]),
    Attribute("date", [
        "انطلق<|ت> {s} في {date!}.", "بدأ<|ت> {s} يوم {date!}."], [
            "متى انطلق<|ت> {s}؟", "متى بدأ<|ت> {s}؟"]),
    Attribute("opener", [
        "كان افتتاح {s} على يد {opener!}.",
        "كان قص شريط {s} على يد {opener!}."], [
            "من افتتح {s}؟", "على يد من كان افتتاح {s}؟"]),
    Attribute("winner", [
        "ذهبت جائزة {s} إلى {winner!}.",
        "كانت جائزة {s} من نصيب {winner!}."], [
            "من نال جائزة {s}؟", "إلى من ذهبت جائزة {s}؟"]),
    Attribute("visitors", [
        "زار {s} [نحو/أكثر من/قرابة] {visitors!}.",
        "بلغ عدد [ضيوف/زوار] {s} {visitors!}."], [
            "كم زائرا حضر {s}؟", "كم بلغ عدد زوار {s}؟"]),
    Attribute("duration", [
        "استمر<|ت> {s} مدة {duration!}.",
        "<دام|دامت> {s} {duration!}."], [
            "كم يوما استمر<|ت> {s}؟", "ما مدة {s}؟"]),
    Attribute("cost", [
        "بلغت تكلفة {s} {cost!}.", "كلف تنظيم {s} {cost!}."], [
            "كم كلف تنظيم {s}؟", "كم بلغت تكلفة {s}؟"]),
    Attribute("season", [
        "موعد {s} [كل عام/المعتاد] هو فصل {season!}."], [
            "في أي فصل موعد {s}؟"]),
])


def _make_team(dice):
  name = "فريق " + dice.pick(words.TEAMS)
  return {
      "s": name, "short": name, "gender": "m", "coach": _man(dice),
      "captain": _man(dice), "city": dice.pick(words.CITIES),
      "spectators": _count(dice, "spectator", 2000, 80000, 500),
      "founded": _year(dice, 1905, 1999),
      "color": "ال" + dice.pick(words.COLORS_M),
      "rival": "نادي " + dice.pick(words.TEAMS), "scorer": _man(dice)}


_TEAM = Kind(_make_team, [
    "{s} [من أقدم الفرق/من أقوى الفرق/فريق محبوب] في [البلاد/المنطقة].",
    "يتابع الجمهور {s} [بشغف/كل أسبوع/في كل مكان].",
    "لعب {s} مباراة [قوية/صعبة/جميلة] أمس.",
], [
    Attribute("coach", [
        "يدرب {s} المدرب {coach!}.",
        "تولى {coach!} تدريب {s}."], [
            "من يدرب {s}؟", "من مدرب {s}؟"]),
    Attribute("captain", [
        "قائد {s} هو اللاعب {captain!}.",
        "حمل شارة القيادة في {s} {captain!}."], [
            "من قائد {s}؟", "من حمل شارة القيادة في {s}؟"]),
    Attribute("city", [
        "مقر {s} في مدينة {city!}.", "يلعب {s} مبارياته في {city!}."], [
            "أين مقر {s}؟", "في أي مدينة يلعب {s}؟"]),
    Attribute("spectators", [
        "ملعب {s} فيه مكان يكفي {spectators!}.",
        "شاهد مباراة {s} {spectators!}."], [
            "كم متفرجا في ملعب {s}؟", "كم عدد جمهور {s}؟"]),
    Attribute("founded", [
        "تأسس {s} [عام/سنة] {founded!}.",
        "بدأت قصة {s} [عام/سنة] {founded!}."], [
            "متى تأسس {s}؟", "في أي عام تأسس {s}؟"]),
    Attribute("color", [
        "يلبس لاعبو {s} اللون {color!}.",
        "لون قميص {s} هو {color!}."], [
            "ما لون قميص {s}؟", "أي لون يلبس لاعبو {s}؟"]),
    Attribute("rival", [
        "فاز {s} على {rival!} [بصعوبة/بسهولة/أمس].",
        "تغلب {s} على {rival!}."], [
            "على من فاز {s}؟", "على أي ناد تغلب {s}؟"]),
    Attribute("scorer", [
        "سجل هدف {s} اللاعب {scorer!}.",
        "هداف {s} هذا الموسم هو {scorer!}."], [
            "من سجل هدف {s}؟", "من هداف {s}؟"]),
])


def _make_book(dice):
  name = "%s %s" % (dice.wording(["كتاب", "ديوان", "معجم"]),
                    draw_title(dice))
  return {
      "s": name, "short": name, "gender": "m", "author": _anybody(dice),
      "year": _year(dice, 1900, 2020),
      "pages": _count(dice, "page", 60, 900),
      "place": dice.pick(words.CITIES),
      "topic": "تاريخ " + dice.pick(words.CRAFTS),
      "price": _count(dice, "dinar", 3, 95),
      "language": dice.pick(words.LANGUAGES)}


_BOOK = Kind(_make_book, [
    "{s} من [الأعمال/المؤلفات] [المعروفة/النادرة/المحبوبة].",
    "يجد القارئ {s} في [كل مكتبة/المكتبات الكبيرة/سوق الكتب].",
    "قرأ الطلاب {s} [هذا الشهر/في الصف/بعناية].",
], [
    Attribute("author", [
        "صدر {s} بقلم {author!}.", "{s} من تأليف {author!}.",
        "وراء {s} جهد سنوات من عمل {author!}."], [
            "من مؤلف {s}؟", "من كتب {s}؟"]),
    Attribute("year", [
        "صدر {s} أول مرة [عام/سنة] {year!}.",
        "ظهرت طبعة {s} الأولى [عام/سنة] {year!}."], [
            "متى صدر {s}؟", "في أي عام صدر {s}؟"]),
    Attribute("pages", [
        "يقع {s} في {pages!}.", "عدد صفحات {s} هو {pages!}."], [
            "كم صفحة في {s}؟", "ما عدد صفحات {s}؟"]),
    Attribute("place", [
        "نشر {s} في {place!}.", "طبع {s} في مدينة {place!}."], [
            "أين نشر {s}؟", "في أي مدينة طبع {s}؟"]),
    Attribute("topic", [
        "يتناول {s} {topic!}.", "يحكي {s} للقارئ {topic!}.",
        "موضوع {s} هو {topic!}."], [
            "ما موضوع {s}؟", "ماذا يتناول {s}؟"]),
    Attribute("price", [
        "ثمن {s} {price!}.", "يباع {s} اليوم بسعر {price!}."], [
            "ما ثمن {s}؟", "بكم يباع {s}؟"]),
    Attribute("language", [
        "ترجم {s} إلى اللغة {language!}.",
        "توجد نسخة من {s} باللغة {language!}."], [
            "إلى أي لغة ترجم {s}؟", "بأي لغة توجد نسخة من {s}؟"]),
])


def _make_dish(dice):
  noun, gender = dice.wording(words.DISH_KINDS)
  name = "%s %s" % (noun, dice.pick(words.INGREDIENTS))
  return {
      "s": name, "short": name, "gender": gender,
      "time": _count(dice, "minute", 15, 95, 5),
      "spice": dice.pick(words.SPICES), "origin": dice.pick(words.CITIES),
      "guests": _count(dice, "guest", 3, 12),
      "side": dice.pick(words.INGREDIENTS),
      "season": dice.pick(words.SEASONS), "cook": _man(dice),
      "price": _count(dice, "dinar", 3, 40)}


_DISH = Kind(_make_dish, [
    "{s} [طعام/طبق] [شعبي/لذيذ/قديم] يحبه الصغار والكبار.",
    "لا تخلو مائدة العيد من {s}.",
    "تتعلم البنات والأولاد طريقة {s} من الجدات.",
], [
    Attribute("time", [
        "<يطبخ|تطبخ> {s} مدة {time!}.", "<ينضج|تنضج> {s} بعد {time!}."], [
            "كم دقيقة <يطبخ|تطبخ> {s}؟", "متى <ينضج|تنضج> {s}؟"]),
    Attribute("spice", [
        "تضاف إلى {s} ملعقة من {spice!}.",
        "سر {s} قليل من {spice!}."], [
            "ما الذي يضاف إلى {s}؟", "ما سر {s}؟"]),
    Attribute("origin", [
        "أصل {s} من مدينة {origin!}.",
        "عرف الناس {s} أول مرة في {origin!}."], [
            "ما أصل {s}؟", "أين عرف الناس {s} أول مرة؟"]),
    Attribute("guests", [
        "<يكفي|تكفي> {s} {guests!}.",
        "يأكل من {s} {guests!}."], [
            "كم شخصا <يكفي|تكفي> {s}؟", "كم شخصا يأكل من {s}؟"]),
    Attribute("side", [
        "<يقدم|تقدم> {s} مع {side!}.",
        "يوضع بجانب {s} طبق من {side!}."], [
            "مع ماذا <يقدم|تقدم> {s}؟", "ماذا يوضع بجانب {s}؟"]),
    Attribute("season", [
        "يكثر الطلب على {s} في فصل {season!}."], [
            "في أي فصل يكثر الطلب على {s}؟"]),
    Attribute("cook", [
        "اشتهر بإعداد {s} الطباخ {cook!}.",
        "أفضل من طبخ {s} هو {cook!}."], [
            "من اشتهر بإعداد {s}؟", "من أفضل من طبخ {s}؟"]),
    Attribute("price", [
        "ثمن طبق {s} في المطعم {price!}."], [
            "كم ثمن طبق {s} في المطعم؟"]),
])


def _make_building(dice):
  noun, gender = dice.wording(words.BUILDINGS)
  name = "%s %s" % (noun, dice.pick(words.TRIBUTES))
  return {
      "s": name, "short": name, "gender": gender, "architect": _man(dice),
      "year": _year(dice, 1850, 2015), "place": dice.pick(words.CITIES),
      "material": dice.pick(words.MATERIALS),
      "cost": _count(dice, "dinar", 1000, 90000, 1000),
      "height": _count(dice, "meter", 8, 120),
      "rooms": _count(dice, "room", 5, 90), "director": _anybody(dice)}


_BUILDING = Kind(_make_building, [
    "{s} من [المعالم/الأماكن] [المشهورة/الجميلة/القديمة] في المدينة.",
    "تزور الأسر {s} [في العطلة/كل جمعة/في المساء].",
    "يرى المسافر {s} من بعيد.",
], [
    Attribute("architect", [
        "صمم {s} المهندس {architect!}.", "رسم مخطط {s} {architect!}."], [
            "من صمم {s}؟", "من المهندس الذي صمم {s}؟"]),
    Attribute("year", [
        "<بني|بنيت> {s} [عام/سنة] {year!}.",
        "اكتمل بناء {s} [عام/سنة] {year!}."], [
            "متى <بني|بنيت> {s}؟", "في أي عام اكتمل بناء {s}؟"]),
    Attribute("place", [
        "<يقع|تقع> {s} في {place!}.", "مكان {s} في وسط {place!}."], [
            "أين <يقع|تقع> {s}؟", "في أي مدينة <يقع|تقع> {s}؟"]),
    Attribute("material", [
        "<شيد|شيدت> {s} من {material!}.", "جدران {s} من {material!}."], [
            "من أي مادة <شيد|شيدت> {s}؟", "مم صنعت جدران {s}؟"]),
    Attribute("cost", [
        "كلف بناء {s} {cost!}.", "أنفق الأهالي على {s} {cost!}."], [
            "كم كلف بناء {s}؟", "كم أنفق الأهالي على {s}؟"]),
    Attribute("height", [
        "يبلغ ارتفاع {s} {height!}.", "<يرتفع|ترتفع> {s} {height!}."], [
            "ما ارتفاع {s}؟", "كم يبلغ ارتفاع {s}؟"]),
    Attribute("rooms", [
        "في {s} {rooms!}.", "<يضم|تضم> {s} {rooms!}."], [
            "كم غرفة في {s}؟", "كم غرفة <يضم|تضم> {s}؟"]),
    Attribute("director", [
        "إدارة {s} اليوم بيد {director!}.",
        "مفاتيح {s} عند {director!}."], [
            "من يدير {s}؟", "بيد من إدارة {s}؟"]),
])


def _make_machine(dice):
  noun, _, gender = dice.wording(words.MACHINES)
  name = "%s %s" % (noun, dice.pick(words.MACHINE_NAMES))
  return {
      "s": name, "short": name, "gender": gender, "inventor": _man(dice),
      "year": _year(dice, 1870, 2010), "purpose": dice.pick(words.PURPOSES),
      "material": dice.pick(words.MATERIALS),
      "price": _count(dice, "dinar", 20, 900, 10),
      "place": dice.pick(words.CITIES), "sponsor": _anybody(dice)}


_MACHINE = Kind(_make_machine, [
    "{s} [من الاختراعات/من الابتكارات] [المفيدة/العجيبة/البسيطة].",
    "غير<|ت> {s} حياة [الفلاحين/الناس/العمال].",
    "يوجد نموذج من {s} في [المتحف/المعرض/المدرسة].",
], [
    Attribute("inventor", [
        "اخترع {s} {inventor!}.", "صاحب اختراع {s} هو {inventor!}.",
        "خطرت فكرة {s} على بال {inventor!}."], [
            "من اخترع {s}؟", "من صاحب اختراع {s}؟"]),
    Attribute("year", [
        "ظهر<|ت> {s} أول مرة [عام/سنة] {year!}.",
        "سجل اختراع {s} [عام/سنة] {year!}."], [
            "متى ظهر<|ت> {s}؟", "في أي عام سجل اختراع {s}؟"]),
    Attribute("purpose", [
        "<يستخدم|تستخدم> {s} في {purpose!}.",
        "<يساعد|تساعد> {s} على {purpose!}."], [
            "في أي شيء <يستخدم|تستخدم> {s}؟", "ما فائدة {s}؟"]),
    Attribute("material", [
        "<صنع|صنعت> {s} من {material!}.", "معظم أجزاء {s} من {material!}."],
              ["من أي مادة <صنع|صنعت> {s}؟", "ما مادة أجزاء {s}؟"]),
    Attribute("price", [
        "<بيع|بيعت> {s} بسعر {price!}.", "بلغ ثمن {s} {price!}."], [
            "بكم <بيع|بيعت> {s}؟", "كم بلغ ثمن {s}؟"]),
    Attribute("place", [
        "<عرض|عرضت> {s} أول مرة في {place!}.",
        "جرت تجربة {s} في {place!}."], [
            "أين <عرض|عرضت> {s} أول مرة؟", "أين جرت تجربة {s}؟"]),
    Attribute("sponsor", [
        "جاء المال اللازم لصنع {s} من {sponsor!}.",
        "كان تمويل {s} من مال {sponsor!}."], [
            "من دفع تكاليف {s}؟", "من مال من كان تمويل {s}؟"]),
])


def _make_trip(dice):
  name = "رحلة " + dice.pick(words.MACHINE_NAMES)
  return {
      "s": name, "short": name, "gender": "f", "leader": _anybody(dice),
      "start": dice.pick(words.CITIES), "end": dice.pick(words.CITIES),
      "vehicle": dice.pick(words.VEHICLES), "find": dice.pick(words.FINDS),
      "days": _count(dice, "day", 5, 120), "date": _date(dice),
      "distance": _count(dice, "kilometer", 90, 2900, 10)}


_TRIP = Kind(_make_trip, [
    "{s} من [أشهر/أطول/أجمل] الرحلات [في المنطقة/في ذلك الزمن].",
    "كتبت الصحف عن {s} [صفحات طويلة/أخبارا كثيرة].",
    "لا ينسى المسافرون {s} [أبدا/ما عاشوا].",
], [
    Attribute("leader", [
        "كانت قيادة {s} بيد {leader!}.", "كان على رأس {s} {leader!}."], [
            "من قاد {s}؟", "بيد من كانت قيادة {s}؟"]),
    Attribute("start", [
        "انطلقت {s} من {start!}.", "كانت بداية {s} في {start!}."], [
            "من أين انطلقت {s}؟", "أين كانت بداية {s}؟"]),
    Attribute("end", [
        "وصلت {s} إلى {end!}.", "انتهت {s} في {end!}."], [
            "إلى أين وصلت {s}؟", "أين انتهت {s}؟"]),
    Attribute("vehicle", [
        "ركب المشاركون في {s} {vehicle!}.", "وسيلة السفر في {s} {vehicle!}."],
              ["ماذا ركب المشاركون في {s}؟", "ما وسيلة السفر في {s}؟"]),
    Attribute("find", [
        "وجد المشاركون في {s} {find!}.", "اكتشف المسافرون في {s} {find!}."],
              ["ماذا وجد المشاركون في {s}؟", "ماذا اكتشف المسافرون في {s}؟"]),
    Attribute("days", [
        "استغرقت {s} {days!}.", "دامت {s} {days!}."], [
            "كم يوما استغرقت {s}؟", "كم دامت {s}؟"]),
    Attribute("date", [
        "بدأت {s} في {date!}.", "تحرك المشاركون في {s} يوم {date!}."], [
            "متى بدأت {s}؟", "في أي يوم بدأت {s}؟"]),
    Attribute("distance", [
        "قطعت {s} {distance!}.", "بلغ طول طريق {s} {distance!}."], [
            "كم قطعت {s}؟", "ما طول طريق {s}؟"]),
])


def _make_company(dice):
  noun, gender = dice.wording(words.COMPANIES)
  name = "%s %s" % (noun, dice.pick(words.TRIBUTES))
  return {
      "s": name, "short": name, "gender": gender, "owner": _man(dice),
      "workers": _count(dice, "worker", 8, 900),
      "product": dice.pick(words.CRAFTS), "place": dice.pick(words.CITIES),
      "year": _year(dice, 1900, 2018),
      "country": dice.pick(words.COUNTRIES)[0],
      "manager": _anybody(dice),
      "wage": _count(dice, "dinar", 200, 1900, 50)}


_COMPANY = Kind(_make_company, [
    "{s} [من أكبر/من أقدم/من أنجح] أماكن العمل [هنا/في المنطقة].",
    "يعرف التجار {s} [جيدا/منذ زمن].",
    "كبر<|ت> {s} [بسرعة/عاما بعد عام].",
], [
    Attribute("owner", [
        "يملك {s} التاجر {owner!}.", "صاحب {s} هو {owner!}."], [
            "من يملك {s}؟", "من صاحب {s}؟"]),
    Attribute("workers", [
        "يعمل في {s} {workers!}.", "عدد العاملين في {s} {workers!}."], [
            "كم عاملا في {s}؟", "كم عدد العاملين في {s}؟"]),
    Attribute("product", [
        "<ينتج|تنتج> {s} {product!}.", "أفضل ما <يبيعه|تبيعه> {s} {product!}."],
              ["ماذا <ينتج|تنتج> {s}؟", "ما أفضل ما <يبيعه|تبيعه> {s}؟"]),
    Attribute("place", [
        "مقر {s} في {place!}.", "فتح<|ت> {s} أبواب<ه|ها> في {place!}."], [
            "أين مقر {s}؟", "أين فتح<|ت> {s} أبواب<ه|ها>؟"]),
    Attribute("year", [
        "<تأسس|تأسست> {s} [عام/سنة] {year!}.",
        "بدأ<|ت> {s} العمل [عام/سنة] {year!}."], [
            "متى <تأسس|تأسست> {s}؟", "متى بدأ<|ت> {s} العمل؟"]),
    Attribute("country", [
        "تذهب بضائع {s} إلى {country!}.", "أكبر زبائن {s} في {country!}."], [
            "إلى أي بلد تذهب بضائع {s}؟", "أين أكبر زبائن {s}؟"]),
    Attribute("manager", [
        "إدارة {s} بيد {manager!}.",
        "شؤون {s} اليومية في عهدة {manager!}."], [
            "من يدير {s}؟", "بيد من إدارة {s}؟"]),
    Attribute("wage", [
        "الأجر الشهري في {s} {wage!}.", "يأخذ العامل في {s} {wage!}."], [
            "كم الأجر الشهري في {s}؟", "كم يأخذ العامل في {s}؟"]),
])

KINDS = {
    "person": _PERSON, "village": _VILLAGE, "event": _EVENT, "team": _TEAM,
    "book": _BOOK, "dish": _DISH, "building": _BUILDING,
    "machine": _MACHINE, "trip": _TRIP, "company": _COMPANY,
}
# Repeated by frequency: people are drawn most often, as in the news.
KINDS_BY_FREQUENCY = sorted(KINDS) + ["person"] * 4 + ["village"] * 2


class Subject:
  """An invented subject: its kind, name, gender and fields."""

  def __init__(self, kind_name, dice):
    self.kind = KINDS[kind_name]
    self.kind_name = kind_name
    self.fields = self.kind.make(dice)
    self.name = self.fields["s"]
    self.gender = self.fields["gender"]

  def opening(self, dice):
    return grammar.expand(dice.wording(self.kind.openings), self.fields,
                          dice, self.gender)

  def statement(self, attribute, dice, is_short=False):
    """Returns a sentence with the attribute, marked as an answer."""
    fields = self.fields
    if is_short:
      fields = dict(fields, s=fields["short"])
    return grammar.expand(dice.wording(attribute.statements), fields, dice,
                          self.gender)

  def question(self, attribute, dice):
    return grammar.expand(dice.wording(attribute.questions), self.fields,
                          dice, self.gender)

  def value(self, attribute):
    return self.fields[attribute.field]


def draw_subjects(dice, number, kind_name=None):
  """Returns subjects of one kind with distinct names."""
  kind_name = kind_name or dice.wording(KINDS_BY_FREQUENCY)
  subjects = []
  while len(subjects) < number:
    subject = Subject(kind_name, dice)
    if all(subject.fields["short"] != other.fields["short"]
           and subject.name.split()[-1] != other.name.split()[-1]
           for other in subjects):
      subjects.append(subject)
  return subjects


def draw_told(dice, num_subjects, num_statements):
  """Returns the content of a passage, a list of (Subject, Attribute).

  The subjects are of one kind and have the same few attributes, so that an
  answer can be found only by identifying its subject.
  """
  group = draw_subjects(dice, num_subjects)
  attributes = dice.sample(group[0].kind.attributes, 3)
  pairs = [(subject, attribute) for subject in group
           for attribute in attributes]
  chosen = dice.sample(list(range(len(pairs))), num_statements)
  return [pairs[i] for i in (chosen if dice.happens(0.5)
                             else sorted(chosen))]
