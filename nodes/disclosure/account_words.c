/* SPDX-License-Identifier: MIT
 * Text as words without marks and capitals, and what kinds of words there are. */
#include <string.h>

#include "nodes/disclosure/account_private.h"

/* --- folding ------------------------------------------------------------------------------------------- */

/* The plain letter of each code point, "?" where there is none (Unicode 14, NFKD, and letters with a stroke). */
enum { LATIN_FROM = 0xc0, LATIN_TO = 0x250, MORE_FROM = 0x1e00, MORE_TO = 0x1f00 };
static const char latin[] =
    "aaaaaaaceeeeiiiidnooooo?ouuuuytsaaaaaaaceeeeiiiidnooooo?ouuuuytyaaaaaaccccccccdd"
    "ddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssss"
    "ssttttttuuuuuuuuuuuuwwyyyzzzzzzs?b????????d???ee?ff????i????????oo?????????????u"
    "u???????????????????dddlllnnnaaiioouuuuuuuuuueaaaaaa??ggkkoooo??jdddgg??nnaaaaoo"
    "aaaaeeeeiiiioooorrrruuuusstt??hh??????aaeeooooooooyy????????????????????????????";
static const char more[] =
    "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooo"
    "oooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwyas??s?"
    "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuu"
    "uuyyyyyyyy??????";
_Static_assert(sizeof latin == LATIN_TO - LATIN_FROM + 1, "a letter for each");
_Static_assert(sizeof more == MORE_TO - MORE_FROM + 1, "a letter for each");

/* The text was found to be UTF-8. */
static uint32_t point_read(struct up_view text, size_t at, size_t *ret_len)
{
    uint8_t first = text.data[at];
    size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    uint32_t point = len == 1 ? first : first & (0x7fu >> len);

    for (size_t i = 1; i < len; i++)
        point = point << 6 | (text.data[at + i] & 0x3f);
    *ret_len = len;
    return point >= 0xff01 && point <= 0xff5e ? point - 0xfee0 : point; /* wide letters */
}

/* Marks upon letters, and what can't be seen: part of a word, and nothing of it. */
static bool is_silent(uint32_t point)
{
    return (point >= 0x300 && point <= 0x36f) || point == 0xad ||
           (point >= 0x200b && point <= 0x200d) || point == 0x2060 || point == 0xfeff;
}

static bool is_wordlike(uint32_t point)
{
    if (point < 0x80)
        return (point >= '0' && point <= '9') || (point >= 'a' && point <= 'z') ||
               (point >= 'A' && point <= 'Z');
    if (point < 0xc0)
        return point == 0xaa || point == 0xb5 || point == 0xba;
    if (point == 0xd7 || point == 0xf7 || (point >= 0x2000 && point < 0x2c00) ||
        (point >= 0x3000 && point < 0x3040) || (point >= 0xfe00 && point < 0xfe70))
        return false;
    return point < 0xff00 || (point >= 0x10000 && point < 0x1f000) || point >= 0x20000;
}

static bool is_capital(uint32_t point, char plain)
{
    if (point < 0x80)
        return point >= 'A' && point <= 'Z';
    if (point >= 0xc0 && point <= 0xde)
        return true;
    if (plain !=
        '\0') /* pairs of capital and small letter; which comes first changes twice on the way */
        return (point >= 0x139 && point <= 0x148) || (point >= 0x179 && point <= 0x17e)
                   ? point % 2 == 1
                   : point % 2 == 0 && point != 0x138;
    return (point >= 0x391 && point <= 0x3a9) || (point >= 0x400 && point <= 0x42f);
}

/* Of the letters that are two. */
static char second_letter(uint32_t point)
{
    if (point == 0xdf || point == 0x1e9e) /* sharp s */
        return 's';
    if (point == 0xc6 || point == 0xe6 || point == 0x152 || point == 0x153) /* ae, oe */
        return 'e';
    return point == 0xde || point == 0xfe ? 'h' : '\0'; /* thorn */
}

/* Folds one code point to at most four bytes. ret_plain: the letter if it was one with marks. */
static size_t point_fold(uint32_t point, const uint8_t *bytes, size_t len, char ret_fold[static 5],
                         char *ret_plain)
{
    char plain = '\0';

    *ret_plain = '\0';
    if (point < 0x80) {
        ret_fold[0] = (char)(point >= 'A' && point <= 'Z' ? point + 0x20 : point);
        return 1;
    }
    if (point >= LATIN_FROM && point < LATIN_TO)
        plain = latin[point - LATIN_FROM];
    else if (point >= MORE_FROM && point < MORE_TO)
        plain = more[point - MORE_FROM];
    if (plain != '\0' && plain != '?') {
        *ret_plain = plain;
        ret_fold[0] = plain;
        ret_fold[1] = second_letter(point);
        return ret_fold[1] == '\0' ? 1 : 2;
    }
    memcpy(ret_fold, bytes, len);
    if ((point >= 0x391 && point <= 0x3a9) || (point >= 0x410 && point <= 0x42f))
        point += 0x20;
    else if (point >= 0x400 && point <= 0x40f)
        point += 0x50;
    if (len == 2) {
        ret_fold[0] = (char)(0xc0 | point >> 6);
        ret_fold[1] = (char)(0x80 | (point & 0x3f));
    }
    return len;
}

/* --- words --------------------------------------------------------------------------------------------- */

/* Is the gap before a word nothing but an apostrophe or hyphen? */
static bool gap_joins(struct up_view text, size_t from, size_t to)
{
    static const char *const joins[] = {"'", "-", "’", "‘", "‐", "‑", "ʼ"};

    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++) {
        if (to - from == strlen(joins[i]) && memcmp(text.data + from, joins[i], to - from) == 0)
            return true;
    }
    return false;
}

struct folding {
    char *buffer; /* of all words, each with its NUL */
    size_t used;
};

static void word_read(struct up_view text, size_t at, struct folding *folding,
                      struct account_word *word)
{
    char *fold = folding->buffer + folding->used;
    size_t begin = at;
    size_t fold_len = 0;
    size_t len = 0;

    for (; at < text.len; at += len) {
        uint32_t point = point_read(text, at, &len);
        char folded[5];
        char plain = '\0';
        size_t folded_len = 0;

        if (is_silent(point))
            continue;
        if (!is_wordlike(point))
            break;
        folded_len = point_fold(point, text.data + at, len, folded, &plain);
        if (fold_len == 0)
            word->capital = is_capital(point, plain);
        word->number |= point >= '0' && point <= '9';
        memcpy(fold + fold_len, folded, folded_len);
        fold_len += folded_len;
    }
    fold[fold_len] = '\0';
    word->offset = begin;
    word->len = at - begin;
    word->fold = fold;
    word->fold_len = fold_len;
    folding->used += fold_len + 1;
}

enum up_err account_words_make(struct up_view text, struct arena *arena,
                               struct account_words *ret_words)
{
    struct account_words words = {.text = text};
    struct folding folding = {0};
    size_t len = 0;
    size_t end = 0; /* of the word before */

    /* a word and its gap take two bytes or more; no folding is longer than its word */
    words.list = arena_alloc(arena, (text.len / 2 + 1) * sizeof *words.list);
    folding.buffer = arena_alloc(arena, 2 * text.len + 2);
    if (!words.list || !folding.buffer)
        return UP_NO_MEMORY;
    for (size_t at = 0; at < text.len; at += len) {
        uint32_t point = point_read(text, at, &len);
        struct account_word *word = &words.list[words.count];

        if (!is_wordlike(point))
            continue;
        word_read(text, at, &folding, word);
        word->joined = words.count > 0 && gap_joins(text, end, word->offset);
        end = word->offset + word->len;
        len = word->len;
        words.count++;
    }
    *ret_words = words;
    return UP_OK;
}

/* --- kinds of words ------------------------------------------------------------------------------------ */

/* Words between blanks; small letters. Names that are everyday words too: found only where they have a capital. */
static const char everyday[] =
    " ace amber angel apple april art ash aurora autumn bailey baker ball bank banks bannister "
    "barber bass bath bay "
    "bean bear beck bell berry best bill bird bishop black blessing bliss bloom blue blunt bob "
    "bond book booth bow "
    "brain branch brand bridge bright broad brook brooks brown buck bull burn burns bush butcher "
    "butler butter "
    "carpenter carter cash castle chance chapel charity charm chase chester christmas church clay "
    "clement cliff cloud "
    "coal cole cook cooper corner cotton court crane crisp cross crow crown curry daisy dale dawn "
    "day dean diamond "
    "dick dove drake drew driver duck duke earl early earnest east eve fair faith farmer field "
    "fields fine fire fish "
    "fisher flint flower flowers flora ford forest fortune foster fountain fox francis frank "
    "freedom french friend "
    "frost fry garden gardener gardner gate gates gem gene gift glass gold golden good goodman "
    "grace grant grass gray "
    "green grey ground guy hale hall hand hardy harmony harp hart harvest hay haze hazel head "
    "heart heath heather "
    "heaven hero hill hills holiday holly home hood hope hopes horn horne house hunt hunter ice "
    "iris iron ivory ivy "
    "jack jade jasmine jay jean jewel job joy judge july june just justice king kings kitchen kite "
    "knight lace lad lake "
    "lamb lance land lane large lark law laws lead leaf leigh light lily link lion little lock "
    "long lord love luck lucky "
    "major man mann march marina mark marks marsh marshall mason may meadow melody mercy merry "
    "mike mild mile miles mill "
    "miller mills mine minor mint miracle moon moor more moss mount myrtle nelly new nick night "
    "noble noon north oak "
    "ocean old olive opal page pain painter palm park parker parks parson parsons patience pearl "
    "peace penny pepper "
    "perry pike piper pitt place plant pole pool poor pope porter post potter poppy power powers "
    "precious price pride "
    "prince princess prior promise prudence queen rain ray read reading reed rest rice rich richer "
    "rights ring rivers "
    "river rob robin rock rocks rod rose rosemary ross rowan royal ruby rush rust sage sally salt "
    "sandy sang savage "
    "scarlet school scott sea sergeant serene shaw shepherd shine ship short silver sky slater sky "
    "small smart smiles "
    "snow song south sparrow speed spring square stack star starr steel stephen stone stones storm "
    "strange street strong "
    "sue summer summers sun sunny swan swift tailor taylor temple terry thorn tiger tiny tower "
    "town trinity true tucker "
    "turner unity vale valentine van victor victory vine viola violet virtue vivid wade wait wales "
    "walker wall wallace "
    "walls ward warden warren water waters way weather weaver webb well wells west wheeler white "
    "wild wilder will willow "
    "winter winters wise wish wolf wolfe wood woods worth wright yard york young ";

/* Never a name by themselves: small words, parts of names, and what stands in a field for want of a name. */
static const char function[] = " a ab abu al all also am an and any anyone ap are as at bani be "
                               "been bin bint but by can could da das de dei del "
                               "della den der des di did do does dos du each el else en even ex "
                               "female for from had has have he hello her here "
                               "hers hi him his how i ibn if in into is it its just la last lads "
                               "le les lo los m mac male many mc me men mine mr "
                               "my mum dad na name named names nee neighbour neighbours next nil "
                               "no nobody none nor not now o of off oh ok on one "
                               "only or our out over own people per person please s said same self "
                               "she should since so some somebody someone st "
                               "still such t teenager teenagers than that the their them then "
                               "there these they this those three to too two ul "
                               "umm under unknown unnamed up upon us ur van ve very victim von was "
                               "we were what when where which while who whose "
                               "why with without witness woman women would yes yet you your youth "
                               "youths zu ze abd surname known address old "
                               "aged about around boy boys girl girls group kids kid child "
                               "children again after before surnames forename ";

/* They carry the strand. Religions and what goes with them, nationalities and peoples, one and many. */
static const char strand[] = " muslim muslims moslem moslems islam islamic islamist islamophobia "
                             "islamophobic sunni sunnis shia shias shiite "
                             "shiites ahmadi ahmadis ahmadiyya sufi sufis ismaili jew jews jewish "
                             "judaism hasidic haredi orthodox antisemitic "
                             "antisemitism semitic zionist zionists zionism christian christians "
                             "christianity catholic catholics catholicism "
                             "protestant protestants anglican anglicans methodist methodists "
                             "baptist baptists evangelical pentecostal quaker "
                             "quakers mormon mormons jehovahs coptic copt copts hindu hindus "
                             "hinduism sikh sikhs sikhism khalsa buddhist "
                             "buddhists buddhism jain jains jainism bahai pagan pagans wiccan "
                             "rastafarian rastafarians rasta atheist atheists "
                             "atheism agnostic humanist humanists zoroastrian parsi parsee parsees "
                             "druze yazidi yezidi yazidis "
                             "gypsy gypsies traveller travellers roma romany romani romanies sinti "
                             "afro black asian asians african africans "
                             "caribbean european europeans american americans british briton "
                             "britons brit brits english englishman englishwoman "
                             "scottish scot scots scotsman welsh welshman irish irishman "
                             "irishwoman cornish northern polish pole poles romanian "
                             "romanians bulgarian bulgarians lithuanian lithuanians latvian "
                             "latvians estonian estonians hungarian hungarians "
                             "czech czechs slovak slovaks slovakian slovene slovenian slovenians "
                             "croatian croatians croat croats serbian serbians "
                             "serb serbs bosnian bosnians bosniak albanian albanians kosovan "
                             "kosovans kosovar macedonian montenegrin greek greeks "
                             "cypriot cypriots turkish turk turks kurdish kurd kurds russian "
                             "russians ukrainian ukrainians belarusian belarusians "
                             "moldovan moldovans georgian georgians armenian armenians azerbaijani "
                             "german germans french frenchman italian "
                             "italians spanish spaniard spaniards portuguese dutch belgian "
                             "belgians swiss austrian austrians danish dane danes "
                             "swedish swede swedes norwegian norwegians finnish finn finns "
                             "icelandic maltese pakistani pakistanis indian indians "
                             "bangladeshi bangladeshis bengali bengalis sylheti punjabi punjabis "
                             "gujarati gujaratis kashmiri kashmiris tamil "
                             "tamils sinhalese nepali nepalese bhutanese maldivian afghan afghans "
                             "afghani pashtun pashtuns hazara hazaras iranian "
                             "iranians persian persians iraqi iraqis syrian syrians lebanese "
                             "palestinian palestinians israeli israelis jordanian "
                             "jordanians saudi saudis yemeni yemenis emirati kuwaiti omani qatari "
                             "bahraini arab arabs arabic egyptian egyptians "
                             "libyan libyans tunisian tunisians algerian algerians moroccan "
                             "moroccans berber sudanese ethiopian ethiopians "
                             "eritrean eritreans somali somalis somalian kenyan kenyans ugandan "
                             "ugandans tanzanian rwandan congolese nigerian "
                             "nigerians yoruba igbo hausa ghanaian ghanaians gambian gambians "
                             "senegalese ivorian sierra liberian cameroonian "
                             "angolan zimbabwean zimbabweans zambian malawian mozambican namibian "
                             "botswanan african mauritian malagasy chinese "
                             "japanese korean koreans mongolian taiwanese tibetan vietnamese thai "
                             "thais cambodian laotian burmese rohingya malay "
                             "malaysian malaysians singaporean indonesian indonesians filipino "
                             "filipinos filipina filipinas jamaican jamaicans "
                             "trinidadian barbadian bajan guyanese grenadian haitian cuban "
                             "dominican dominicans mexican mexicans brazilian "
                             "brazilians argentinian argentine chilean colombian colombians "
                             "peruvian venezuelan venezuelans ecuadorian bolivian "
                             "canadian canadians australian australians aussie zealander kiwi "
                             "maori fijian samoan uyghur uighur uyghurs chechen "
                             "tatar kazakh uzbek tajik turkmen kyrgyz scandinavian slavic slav "
                             "latino latina hispanic oriental gay lesbian "
                             "bisexual trans transgender queer deaf disabled autistic ";

static const char titles[] = " mr mrs ms miss mx dr doctor prof professor sir dame lord lady rev "
                             "reverend fr father sister brother imam rabbi "
                             "sheikh shaykh maulana mufti pastor vicar canon bishop pandit granthi "
                             "giani cllr councillor pc wpc pcso dc ds di dci "
                             "dsi supt sgt sergeant insp inspector constable officer detective "
                             "superintendent judge nurse captain mp uncle aunt "
                             "auntie ";

static const char months[] =
    " january february march april may june july august september october november december ";

static bool list_has(const char *list, const char *fold)
{
    size_t len = strlen(fold);

    if (len == 0 || len > 20)
        return false;
    for (const char *at = strstr(list, fold); at; at = strstr(at + 1, fold)) {
        if (at[-1] == ' ' && at[len] == ' ')
            return true;
    }
    return false;
}

enum account_word_class account_word_class(const char *fold)
{
    if (list_has(strand, fold) && !list_has(everyday, fold))
        return ACCOUNT_WORD_STRAND;
    if (list_has(titles, fold))
        return ACCOUNT_WORD_TITLE;
    if (list_has(function, fold))
        return ACCOUNT_WORD_FUNCTION;
    return list_has(everyday, fold) ? ACCOUNT_WORD_EVERYDAY : ACCOUNT_WORD_PLAIN;
}

bool account_word_is_month(const char *fold)
{
    return list_has(months, fold);
}
