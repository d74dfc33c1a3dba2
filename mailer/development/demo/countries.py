"""Where invented customers live: countries with languages, cities, time zones, streets, money."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Speech:
    """One way of speaking in a country: language tag, whose names, which share of its people."""

    language: str
    names: str
    share: int = 100


@dataclass(frozen=True, slots=True)
class City:
    """A city; `postal_code` has `#` where digits go and `@` for letters."""

    name: str
    timezone: str
    postal_code: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class Country:
    """A country; the shares of all countries are weights of where customers live."""

    code: str
    share: int
    currency: str
    speech: tuple[Speech, ...]
    cities: tuple[City, ...]
    streets: str
    """Patterns divided by `;`, `#` where the house number goes."""
    phone: str = ""
    """A range of numbers that is kept free for fiction, where there is one; `#` for digits."""


def _cities(timezone: str, text: str) -> tuple[City, ...]:
    """Read `Name 0##; Name 1##/REGION`, all in one time zone."""
    return tuple(_city(part.strip(), timezone) for part in text.split(";"))


def _city(text: str, timezone: str) -> City:
    text, _, region = text.partition("/")
    name, _, postal_code = text.rpartition(" ")
    return City(name.replace("_", " "), timezone, postal_code.replace("~", " "), region)


ENGLISH = (Speech("en", "english"),)
SPANISH = (Speech("es", "spanish"),)
AMERICAN_STREETS = "# Mill Lane;# Oak Street;# Harbor Avenue;# Maple Drive;# Market Street"
BRITISH_STREETS = "# Mill Lane;# High Street;# Station Road;# Church Row;# Victoria Terrace"

COUNTRIES = (
    Country(
        "US", 230, "USD",
        (Speech("en-US", "english", 84), Speech("es-US", "spanish", 16)),
        (
            *_cities("America/New_York", "Trenton 086##/NJ; Boston 021##/MA; Atlanta 303##/GA"),
            *_cities("America/Chicago", "Chicago 606##/IL; Austin 787##/TX"),
            *_cities("America/Denver", "Denver 802##/CO"),
            *_cities("America/Phoenix", "Tucson 857##/AZ"),
            *_cities("America/Los_Angeles", "Portland 972##/OR; San_Diego 921##/CA"),
            *_cities("Pacific/Honolulu", "Honolulu 968##/HI"),
        ),
        AMERICAN_STREETS, "+1 609 555 01##",
    ),
    Country(
        "CA", 70, "CAD",
        (Speech("en-CA", "english", 72), Speech("fr-CA", "french", 28)),
        (
            *_cities("America/Toronto", "Toronto M5V~#@#/ON; Montréal H2X~#@#/QC"),
            *_cities("America/Vancouver", "Vancouver V6B~#@#/BC"),
            *_cities("America/St_Johns", "St._John's A1C~#@#/NL"),
        ),
        AMERICAN_STREETS, "+1 416 555 01##",
    ),
    Country(
        "MX", 40, "MXN", SPANISH,
        (
            *_cities("America/Mexico_City", "Ciudad_de_México 06###; Puebla 720##"),
            *_cities("America/Tijuana", "Tijuana 220##"),
        ),
        "Calle Hidalgo #;Avenida Juárez #;Calle 5 de Mayo #",
    ),
    Country(
        "BR", 45, "BRL", (Speech("pt-BR", "portuguese"),),
        (
            *_cities("America/Sao_Paulo", "São_Paulo 01###-###/SP; Curitiba 80###-###/PR"),
            *_cities("America/Manaus", "Manaus 690##-###/AM"),
        ),
        "Rua das Flores, #;Avenida Paulista, #;Rua XV de Novembro, #",
    ),
    Country(
        "AR", 18, "USD", SPANISH,
        _cities("America/Argentina/Buenos_Aires", "Buenos_Aires C1###; Rosario S2###"),
        "Avenida Corrientes #;Calle San Martín #",
    ),
    Country(
        "GB", 80, "GBP", (Speech("en-GB", "english", 94), Speech("en-GB", "indian", 6)),
        _cities("Europe/London", "Bath BA1~#@@; Manchester M4~#@@; Leeds LS2~#@@; Cardiff CF10~#@@"),
        BRITISH_STREETS, "+44 7700 900###",
    ),
    Country(
        "IE", 22, "EUR", (Speech("en-IE", "english"),),
        _cities("Europe/Dublin", "Dublin D02~@###; Cork T12~@###; Galway H91~@###"),
        BRITISH_STREETS,
    ),
    Country(
        "FR", 50, "EUR", (Speech("fr", "french"),),
        _cities("Europe/Paris", "Lyon 6900#; Nantes 44###; Bordeaux 33###; Lille 59###"),
        "# rue de la République;# avenue Victor-Hugo;# rue des Écoles", "+33 6 39 98 ## ##",
    ),
    Country(
        "BE", 18, "EUR", (Speech("nl-BE", "dutch", 58), Speech("fr-BE", "french", 42)),
        _cities("Europe/Brussels", "Gent 90##; Liège 40##; Brussel 10##"),
        "Kerkstraat #;Stationsstraat #;Rue Neuve #",
    ),
    Country(
        "NL", 32, "EUR", (Speech("nl", "dutch"),),
        _cities("Europe/Amsterdam", "Utrecht 35##~@@; Groningen 97##~@@; Den_Haag 25##~@@"),
        "Dorpsstraat #;Molenweg #;Kerklaan #",
    ),
    Country(
        "DE", 72, "EUR", (Speech("de", "german", 93), Speech("de", "turkish", 7)),
        _cities("Europe/Berlin", "Köln 50###; München 80###; Görlitz 02###; Berlin 10###"),
        "Mühlenweg #;Hauptstraße #;Bahnhofstraße #;Gartenstraße #", "+49 30 23125 ###",
    ),
    Country(
        "AT", 14, "EUR", (Speech("de-AT", "german"),),
        _cities("Europe/Vienna", "Wien 10#0; Graz 80##; Sankt_Pölten 31##"),
        "Landstraße #;Kirchengasse #;Wiener Straße #",
    ),
    Country(
        "CH", 18, "CHF",
        (
            Speech("de-CH", "german", 64),
            Speech("fr-CH", "french", 25),
            Speech("it-CH", "italian", 11),
        ),
        _cities("Europe/Zurich", "Zürich 80##; Genève 12##; Lugano 69##"),
        "Bahnhofstrasse #;Dorfstrasse #;Rue du Lac #",
    ),
    Country(
        "IT", 34, "EUR", (Speech("it", "italian"),),
        _cities("Europe/Rome", "Bologna 401##; Torino 101##; Forlì 471##"),
        "Via Garibaldi #;Via Roma #;Corso Italia #",
    ),
    Country(
        "ES", 34, "EUR", SPANISH,
        (
            *_cities("Europe/Madrid", "Sevilla 410##; León 240##; Cádiz 110##"),
            *_cities("Atlantic/Canary", "Las_Palmas 350##"),
        ),
        "Calle Mayor #;Avenida de la Constitución #;Plaza de España #",
    ),
    Country(
        "PT", 14, "EUR", (Speech("pt-PT", "portuguese"),),
        (
            *_cities("Europe/Lisbon", "Évora 7000-###; Porto 4000-###"),
            *_cities("Atlantic/Azores", "Ponta_Delgada 9500-###"),
        ),
        "Rua Direita #;Avenida da Liberdade #",
    ),
    Country(
        "DK", 13, "DKK", (Speech("da", "nordic"),),
        _cities("Europe/Copenhagen", "Ærøskøbing 59##; Aarhus 80##"), "Strandvejen #;Nørregade #",
    ),
    Country(
        "SE", 18, "SEK", (Speech("sv", "nordic"),),
        _cities("Europe/Stockholm", "Göteborg 411~##; Umeå 903~##"), "Storgatan #;Kyrkogatan #",
        "+46 70 174 06 ##",
    ),
    Country(
        "NO", 12, "NOK", (Speech("nb", "nordic"),),
        _cities("Europe/Oslo", "Tromsø 90##; Bergen 50##"), "Storgata #;Kirkeveien #",
    ),
    Country(
        "FI", 12, "EUR", (Speech("fi", "finnish", 95), Speech("sv-FI", "nordic", 5)),
        _cities("Europe/Helsinki", "Jyväskylä 401##; Tampere 331##"), "Kauppakatu #;Rantatie #",
    ),
    Country(
        "PL", 22, "PLN", (Speech("pl", "polish"),),
        _cities("Europe/Warsaw", "Łódź 90-###; Gdańsk 80-###; Kraków 30-###"),
        "ul. Długa #;ul. Kościuszki #",
    ),
    Country(
        "CZ", 12, "CZK", (Speech("cs", "czech"),),
        _cities("Europe/Prague", "Brno 602~##; Plzeň 301~##"), "Nádražní #;Hlavní #",
    ),
    Country(
        "GR", 11, "EUR", (Speech("el", "greek"),),
        _cities("Europe/Athens", "Θεσσαλονίκη 546~##; Πάτρα 262~##"), "Ερμού #;Αγίου Δημητρίου #",
    ),
    Country(
        "UA", 12, "EUR", (Speech("uk", "ukrainian"),),
        _cities("Europe/Kyiv", "Львів 790##; Одеса 650##"), "вул. Шевченка, #;вул. Садова, #",
    ),
    Country(
        "TR", 14, "TRY", (Speech("tr", "turkish"),),
        _cities("Europe/Istanbul", "İzmir 35###; Eskişehir 26###"), "Atatürk Caddesi No #;Çınar Sokak #",
    ),
    Country(
        "IL", 10, "ILS", (Speech("he", "hebrew"),),
        _cities("Asia/Jerusalem", "חיפה 31#####; תל_אביב 61#####"), "רחוב הרצל #;שדרות בן גוריון #",
    ),
    Country(
        "EG", 9, "EGP", (Speech("ar-EG", "arabic"),),
        _cities("Africa/Cairo", "القاهرة 115##; الإسكندرية 215##"), "شارع التحرير #;شارع النيل #",
    ),
    Country(
        "AE", 8, "AED", (Speech("ar", "arabic", 60), Speech("en", "indian", 40)),
        _cities("Asia/Dubai", "دبي 00000; أبوظبي 00000"), "شارع الشيخ زايد #",
    ),
    Country(
        "NG", 12, "USD", (Speech("en-NG", "african"),),
        _cities("Africa/Lagos", "Lagos 1002##; Abuja 9002##"), "# Broad Street;# Allen Avenue",
    ),
    Country(
        "KE", 8, "USD", (Speech("en-KE", "african"),),
        _cities("Africa/Nairobi", "Nairobi 001##; Kisumu 401##"), "# Moi Avenue;# Ngong Road",
    ),
    Country(
        "ZA", 14, "ZAR", (Speech("en-ZA", "african", 60), Speech("en-ZA", "english", 40)),
        _cities("Africa/Johannesburg", "Durban 40##; Gqeberha 60##"), "# Long Street;# Church Street",
    ),
    Country(
        "IN", 40, "INR", (Speech("en-IN", "indian", 60), Speech("hi", "hindi", 40)),
        _cities("Asia/Kolkata", "Pune 4110##; Lucknow 2260##; Kochi 6820##"),
        "# MG Road;# Station Road;# Gandhi Marg",
    ),
    Country(
        "TH", 9, "THB", (Speech("th", "thai"),),
        _cities("Asia/Bangkok", "เชียงใหม่ 50###; กรุงเทพมหานคร 10###"), "# ถนนนิมมานเหมินท์;# ถนนสุขุมวิท",
    ),
    Country(
        "VN", 9, "VND", (Speech("vi", "vietnamese"),),
        _cities("Asia/Ho_Chi_Minh", "Đà_Nẵng 550###; Huế 530###"), "# Lê Lợi;# Trần Phú",
    ),
    Country(
        "JP", 30, "JPY", (Speech("ja", "japanese"),),
        _cities("Asia/Tokyo", "横浜市 220-00##; 札幌市 060-00##; 京都市 600-80##"), "本町#丁目;緑町#番地",
    ),
    Country(
        "KR", 14, "KRW", (Speech("ko", "korean"),),
        _cities("Asia/Seoul", "부산광역시 480##; 수원시 164##"), "중앙로 #;강변로 #",
    ),
    Country(
        "TW", 10, "TWD", (Speech("zh-Hant-TW", "chinese"),),
        _cities("Asia/Taipei", "臺北市 100##; 高雄市 800##"), "中山路#號;民生路#號",
    ),
    Country(
        "SG", 8, "SGD", (Speech("en-SG", "chinese", 70), Speech("en-SG", "indian", 30)),
        _cities("Asia/Singapore", "Singapore 0#####"), "# Orchard Road;# Serangoon Road",
    ),
    Country(
        "AU", 34, "AUD", (Speech("en-AU", "english"),),
        (
            *_cities("Australia/Sydney", "Newcastle 23##/NSW"),
            *_cities("Australia/Adelaide", "Adelaide 50##/SA"),
            *_cities("Australia/Perth", "Fremantle 61##/WA"),
        ),
        BRITISH_STREETS,
    ),
    Country(
        "NZ", 18, "NZD", (Speech("en-NZ", "english"),),
        (
            *_cities("Pacific/Auckland", "Hamilton 32##; Dunedin 90##"),
            *_cities("Pacific/Chatham", "Waitangi 8016"),
        ),
        BRITISH_STREETS,
    ),
)  # fmt: skip

RATES: Mapping[str, float] = MappingProxyType(
    {
        "USD": 1, "CAD": 1.4, "MXN": 18, "BRL": 5.4, "GBP": 0.8, "EUR": 0.9, "CHF": 0.9, "DKK": 7,
        "SEK": 10, "NOK": 10, "PLN": 4, "CZK": 23, "TRY": 40, "ILS": 3.7, "EGP": 48, "AED": 3.7,
        "ZAR": 18, "INR": 85, "THB": 34, "VND": 25000, "JPY": 150, "KRW": 1400, "TWD": 32,
        "SGD": 1.35, "AUD": 1.5, "NZD": 1.7,
    }
)  # fmt: skip
"""What a dollar is worth in this world, roughly."""
WITHOUT_CENTS = frozenset({"JPY", "KRW", "VND"})
