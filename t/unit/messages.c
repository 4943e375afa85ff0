
/*
 * Copyright (C) TgoRTC contributors
 */


#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "ngx_tgortc_messages.h"
#include "ngx_tgortc_validate.h"
#include "tap.h"


#define length_of(s)  ((s) != NULL ? strlen(s) : 0)


typedef struct {
    ngx_tgortc_message_e    id;
    int                     args;
    const char             *limit;     /* what every language must mention */
} message_t;


typedef struct {
    ngx_tgortc_message_e    id;
    ngx_tgortc_language_e   language;
    const char             *text;
} text_t;


typedef struct {
    const char             *name;
    const char             *x_language;
    const char             *lang;
    const char             *accept;
    ngx_tgortc_language_e   language;
} choice_t;


/* those that take an argument or name a limit */

static const message_t  messages[] = {
    { NGX_TGORTC_MSG_BODY_INVALID, 1, "UTF-8" },
    { NGX_TGORTC_MSG_BODY_TOO_DEEP, 1, "" },
    { NGX_TGORTC_MSG_BODY_REPEATED, 1, "" },
    { NGX_TGORTC_MSG_FIELD_ROOM_ID, 1, "64" },
    { NGX_TGORTC_MSG_FIELD_ROOM_ID, 1, "A-Z a-z 0-9 _ - . ~ : @" },
    { NGX_TGORTC_MSG_FIELD_ROOM_ID, 1, "sync" },
    { NGX_TGORTC_MSG_FIELD_UID, 1, "128" },
    { NGX_TGORTC_MSG_FIELD_DEVICE, 1, "32" },
    { NGX_TGORTC_MSG_FIELD_RTC_TYPE, 1, "1" },
    { NGX_TGORTC_MSG_FIELD_INVITE_ON, 1, "1" },
    { NGX_TGORTC_MSG_FIELD_MAX, 1, "2" },
    { NGX_TGORTC_MSG_FIELD_MAX, 1, "1000" },
    { NGX_TGORTC_MSG_FIELD_UIDS, 1, "128" },
    { NGX_TGORTC_MSG_FIELD_UIDS_EMPTY, 1, "" },
    { NGX_TGORTC_MSG_FIELD_UIDS_MANY, 2, "" },
    { NGX_TGORTC_MSG_FIELD_UIDS_LIMIT, 2, "" },
    { NGX_TGORTC_MSG_FIELD_KEY, 1, "255" },
    { NGX_TGORTC_MSG_FIELD_STATE, 1, "ended" },
    { NGX_TGORTC_MSG_FIELD_LIVE_ONLY, 1, "live" },
    { NGX_TGORTC_MSG_FIELD_DAYS, 1, "36500" },
    { NGX_TGORTC_MSG_FIELD_LIMIT, 1, "100" },
    { NGX_TGORTC_MSG_FIELD_CURSOR, 1, "" },
    { NGX_TGORTC_MSG_FIELD_EVENT, 1, "participant.invited" },
    { NGX_TGORTC_MSG_FIELD_REPLAY, 1, "until" },
    { NGX_TGORTC_MSG_BUSY, 1, "" }
};


static const text_t  texts[] = {
    { NGX_TGORTC_MSG_BODY_NOT_OBJECT, NGX_TGORTC_EN_US,
      "Parameter error: the body must be a JSON object" },
    { NGX_TGORTC_MSG_FIELD_ROOM_ID, NGX_TGORTC_EN_US,
      "Parameter error: ARG1 must be 1 to 64 characters of"
      " A-Z a-z 0-9 _ - . ~ : @, and not ., .. or sync" },
    { NGX_TGORTC_MSG_FIELD_UID, NGX_TGORTC_EN_US,
      "Parameter error: ARG1 must be a string of 1 to 128 bytes"
      " without control characters" },
    { NGX_TGORTC_MSG_FIELD_RTC_TYPE, NGX_TGORTC_ZH_CN,
      "参数错误：ARG1 必须是 0（语音）或 1（视频）" },
    { NGX_TGORTC_MSG_FIELD_RTC_TYPE, NGX_TGORTC_ZH_TW,
      "參數錯誤：ARG1 必須是 0（語音）或 1（視訊）" },
    { NGX_TGORTC_MSG_FIELD_MAX, NGX_TGORTC_FR_FR,
      "Paramètre invalide : ARG1 doit être un entier de 2 à 1000" },
    { NGX_TGORTC_MSG_FIELD_MAX, NGX_TGORTC_JA_JP,
      "パラメータエラー：ARG1 は 2～1000 の整数で指定してください" },
    { NGX_TGORTC_MSG_FIELD_UIDS_MANY, NGX_TGORTC_EN_US,
      "Parameter error: ARG1 may name at most ARG2 besides the creator" },
    { NGX_TGORTC_MSG_API_KEY, NGX_TGORTC_EN_US,
      "The API key is missing or wrong" },
    { NGX_TGORTC_MSG_BUSY, NGX_TGORTC_FR_FR,
      "Déjà dans un autre appel : ARG1" },
    { NGX_TGORTC_MSG_BAD_REQUEST, NGX_TGORTC_EN_US, "Bad request" }
};


static const char *const  prefixes[] = {
    "Parameter error: ",
    "参数错误：",
    "參數錯誤：",
    "Paramètre invalide : ",
    "パラメータエラー："
};


static const char *const  tags[] = {
    "en-US", "zh-CN", "zh-TW", "fr-FR", "ja-JP"
};


static const choice_t  choices[] = {
    { "nothing", NULL, NULL, NULL, NGX_TGORTC_EN_US },
    { "all empty", "", "", "", NGX_TGORTC_EN_US },

    /* the three sources */

    { "X-Language first", "ja", "fr", "zh", NGX_TGORTC_JA_JP },
    { "lang second", NULL, "fr", "zh", NGX_TGORTC_FR_FR },
    { "Accept-Language third", NULL, NULL, "zh", NGX_TGORTC_ZH_CN },
    { "unknown X-Language", "de", "fr", "zh", NGX_TGORTC_FR_FR },
    { "unknown X-Language and lang", "de", "es", "zh", NGX_TGORTC_ZH_CN },
    { "empty X-Language", "", NULL, "ja", NGX_TGORTC_JA_JP },
    { "nothing known", "de", "es", "it, pt", NGX_TGORTC_EN_US },
    { "English asked for first", "en-US", "fr", "ja", NGX_TGORTC_EN_US },

    /* tags */

    { "exact", "zh-TW", NULL, NULL, NGX_TGORTC_ZH_TW },
    { "any case", "ZH-tw", NULL, NULL, NGX_TGORTC_ZH_TW },
    { "underscore", "zh_TW", NULL, NULL, NGX_TGORTC_ZH_TW },
    { "spaces around", " \tfr-FR ", NULL, NULL, NGX_TGORTC_FR_FR },
    { "spaces around lang", NULL, " ja ", NULL, NGX_TGORTC_JA_JP },
    { "zh", "zh", NULL, NULL, NGX_TGORTC_ZH_CN },
    { "zh-SG", "zh-SG", NULL, NULL, NGX_TGORTC_ZH_CN },
    { "zh-Hans", "zh-Hans", NULL, NULL, NGX_TGORTC_ZH_CN },
    { "zh-Hans-HK", "zh-Hans-HK", NULL, NULL, NGX_TGORTC_ZH_CN },
    { "zh-Hant", "zh-Hant", NULL, NULL, NGX_TGORTC_ZH_TW },
    { "zh-Hant-CN", "zh_hant_cn", NULL, NULL, NGX_TGORTC_ZH_TW },
    { "zh-HK", "zh-HK", NULL, NULL, NGX_TGORTC_ZH_TW },
    { "zh-MO", "zh-MO", NULL, NULL, NGX_TGORTC_ZH_TW },
    { "fr-CA", "fr-CA", NULL, NULL, NGX_TGORTC_FR_FR },
    { "en-GB", "en-GB", "ja", NULL, NGX_TGORTC_EN_US },
    { "ja-JP-u-ca-japanese", "ja-JP-u-ca-japanese", NULL, NULL,
      NGX_TGORTC_JA_JP },
    { "a longer word is another language", "fro", NULL, NULL,
      NGX_TGORTC_EN_US },
    { "a shorter one too", "j", NULL, NULL, NGX_TGORTC_EN_US },
    { "a list is not a tag", "fr-FR,ja", NULL, NULL, NGX_TGORTC_EN_US },
    { "a quality is not of a tag", "fr-FR;q=1", NULL, NULL,
      NGX_TGORTC_EN_US },
    { "* is not a tag", "*", "ja", NULL, NGX_TGORTC_JA_JP },

    /* quality values */

    { "the best", NULL, NULL, "en;q=0.5, fr;q=0.9, ja;q=0.7",
      NGX_TGORTC_FR_FR },
    { "no quality is 1", NULL, NULL, "en;q=0.9, fr", NGX_TGORTC_FR_FR },
    { "the first of equals", NULL, NULL, "ja;q=0.8, fr;q=0.8",
      NGX_TGORTC_JA_JP },
    { "thousandths", NULL, NULL, "ja;q=0.123, fr;q=0.124",
      NGX_TGORTC_FR_FR },
    { "1.000 is 1", NULL, NULL, "ja;q=1.000, fr", NGX_TGORTC_JA_JP },
    { "1. and 0. are values", NULL, NULL, "fr;q=0., ja;q=1.",
      NGX_TGORTC_JA_JP },
    { "the best that we have", NULL, NULL, "de, es;q=0.9, fr;q=0.1",
      NGX_TGORTC_FR_FR },
    { "a browser's", NULL, NULL, "zh-HK,zh;q=0.9,en-US;q=0.8,en;q=0.7",
      NGX_TGORTC_ZH_TW },
    { "white space everywhere", NULL, NULL, " en ;q=0.1 ,\tfr ; q=0.5 ",
      NGX_TGORTC_FR_FR },
    { "Q in capitals", NULL, NULL, "fr;Q=0.1, ja;Q=0.2", NGX_TGORTC_JA_JP },
    { "* is the default", NULL, NULL, "fr;q=0.5, *", NGX_TGORTC_EN_US },
    { "* has a quality", NULL, NULL, "*;q=0.1, fr;q=0.5", NGX_TGORTC_FR_FR },

    /* refused ones */

    { "q=0 is refused", NULL, NULL, "fr;q=0, ja;q=0.1", NGX_TGORTC_JA_JP },
    { "q=0.000 is refused", NULL, NULL, "fr;q=0.000", NGX_TGORTC_EN_US },
    { "refused before and behind", NULL, NULL, "fr, ja;q=0.1, fr;q=0",
      NGX_TGORTC_JA_JP },
    { "refused by a longer range", NULL, NULL, "fr, fr-FR;q=0, ja;q=0.1",
      NGX_TGORTC_JA_JP },
    { "asked for by a longer range", NULL, NULL, "zh;q=0, zh-TW, ja;q=0.1",
      NGX_TGORTC_ZH_TW },
    { "another country refused", NULL, NULL, "fr-CA;q=0, fr",
      NGX_TGORTC_FR_FR },
    { "anything but English", NULL, NULL, "en;q=0, *;q=0.5, ja;q=0.2",
      NGX_TGORTC_JA_JP },
    { "everything refused", NULL, NULL, "*;q=0", NGX_TGORTC_EN_US },

    /* malformed parts are passed over */

    { "empty parts", NULL, NULL, ",, ,ja,,", NGX_TGORTC_JA_JP },
    { "only commas", NULL, NULL, ",,,,", NGX_TGORTC_EN_US },
    { "quality without value", NULL, NULL, "fr;q=, ja;q=0.1",
      NGX_TGORTC_JA_JP },
    { "semicolon alone", NULL, NULL, "fr;, ja;q=0.1", NGX_TGORTC_JA_JP },
    { "quality above 1", NULL, NULL, "fr;q=1.001, ja;q=0.1",
      NGX_TGORTC_JA_JP },
    { "quality of 2", NULL, NULL, "fr;q=2, ja;q=0.1", NGX_TGORTC_JA_JP },
    { "negative quality", NULL, NULL, "fr;q=-1, ja;q=0.1",
      NGX_TGORTC_JA_JP },
    { "four decimals", NULL, NULL, "fr;q=0.1234, ja;q=0.1",
      NGX_TGORTC_JA_JP },
    { "letters", NULL, NULL, "fr;q=0.x, ja;q=0.1", NGX_TGORTC_JA_JP },
    { "no dot", NULL, NULL, "fr;q=05, ja;q=0.1", NGX_TGORTC_JA_JP },
    { "another parameter", NULL, NULL, "fr;level=1, ja;q=0.1",
      NGX_TGORTC_JA_JP },
    { "two parameters", NULL, NULL, "fr;q=1;q=1, ja;q=0.1",
      NGX_TGORTC_JA_JP },
    { "words", NULL, NULL, "fr FR, ja;q=0.1", NGX_TGORTC_JA_JP },
    { "control characters", NULL, NULL, "fr\x01, ja;q=0.1",
      NGX_TGORTC_JA_JP }
};


static size_t
count(const char *text, const char *part)
{
    size_t  n;

    for (n = 0; (text = strstr(text, part)) != NULL; n++) {
        text += strlen(part);
    }

    return n;
}


static int
is_text(const char *s)
{
    size_t  len, n;

    for (len = strlen(s); len > 0; s += n, len -= n) {
        n = ngx_tgortc_utf8_next(s, len);

        if (n == 0 || (unsigned char) *s < 0x20) {
            return 0;
        }
    }

    return 1;
}


static int
arguments(int id)
{
    size_t  i;

    for (i = 0; i < tap_items(messages); i++) {
        if ((int) messages[i].id == id) {
            return messages[i].args;
        }
    }

    return 0;
}


static void
check_message(int id, int language)
{
    int          args, prefixed;
    char         text[1024], english[1024];
    size_t       len, prefix;

    args = arguments(id);

    len = ngx_tgortc_message(text, sizeof(text), id, language,
                             args > 0 ? "ARG1" : NULL,
                             args > 1 ? "ARG2" : NULL);
    ngx_tgortc_message(english, sizeof(english), id, NGX_TGORTC_EN_US,
                       "ARG1", "ARG2");

    prefix = strlen(prefixes[language]);
    prefixed = strncmp(text, prefixes[language], prefix) == 0;

    tap_ok(len == strlen(text) && len > (prefixed ? prefix : 0)
           && is_text(text) && strchr(text, '%') == NULL
           && count(text, "ARG1") == (size_t) (args > 0)
           && count(text, "ARG2") == (size_t) (args > 1)
           && prefixed == (id < NGX_TGORTC_MSG_API_KEY)
           && (language == NGX_TGORTC_EN_US || strcmp(text, english) != 0),
           "message %d in %s: %s", id, tags[language], text);
}


static void
check_limits(void)
{
    int     language;
    char    text[1024];
    size_t  i, missing;

    for (i = 0; i < tap_items(messages); i++) {
        missing = 0;

        for (language = 0; language < NGX_TGORTC_LANGUAGES; language++) {
            ngx_tgortc_message(text, sizeof(text), messages[i].id, language,
                               "X", "Y");
            missing += strstr(text, messages[i].limit) == NULL;
        }

        tap_ok(missing == 0, "message %d says \"%s\" in every language",
               messages[i].id, messages[i].limit);
    }
}


static void
check_texts(void)
{
    char    text[1024];
    size_t  i;

    for (i = 0; i < tap_items(texts); i++) {
        ngx_tgortc_message(text, sizeof(text), texts[i].id,
                           texts[i].language, "ARG1", "ARG2");
        tap_ok(strcmp(text, texts[i].text) == 0, "%s", texts[i].text);
    }
}


/* every size from none to more than enough, for ASan to look over */

static void
check_sizes(void)
{
    char    *buf, full[1024];
    size_t   len, size, wrong;

    len = ngx_tgortc_message(NULL, 0, NGX_TGORTC_MSG_FIELD_UIDS_MANY,
                             NGX_TGORTC_JA_JP, "uids", "999");
    ngx_tgortc_message(full, sizeof(full), NGX_TGORTC_MSG_FIELD_UIDS_MANY,
                       NGX_TGORTC_JA_JP, "uids", "999");

    tap_ok(len == strlen(full), "the length without a buffer");

    wrong = 0;

    for (size = 1; size < len + 3; size++) {
        buf = malloc(size);

        wrong += ngx_tgortc_message(buf, size, NGX_TGORTC_MSG_FIELD_UIDS_MANY,
                                    NGX_TGORTC_JA_JP, "uids", "999")
                 != len;
        wrong += strlen(buf) != (size <= len ? size - 1 : len)
                 || strncmp(buf, full, strlen(buf)) != 0;

        free(buf);
    }

    tap_ok(wrong == 0, "cut to the buffer as snprintf() does");
}


static void
check_verbatim(void)
{
    char  text[1024];

    ngx_tgortc_message(text, sizeof(text), NGX_TGORTC_MSG_BUSY,
                       NGX_TGORTC_EN_US, "%s%n %1 %2 100%", NULL);
    tap_ok(strcmp(text, "Busy in another call: %s%n %1 %2 100%") == 0,
           "arguments are not read as formats");
}


static void
check_choices(void)
{
    size_t                 i;
    const choice_t        *c;
    ngx_tgortc_language_e  language;

    for (i = 0; i < tap_items(choices); i++) {
        c = &choices[i];

        language = ngx_tgortc_language(c->x_language,
                                       length_of(c->x_language),
                                       c->lang, length_of(c->lang),
                                       c->accept, length_of(c->accept));

        tap_ok(language == c->language, "language: %s", c->name);
    }
}


/* the lengths count, not a NUL */

static void
check_bounds(void)
{
    tap_ok(ngx_tgortc_language("frjazh", 2, NULL, 0, NULL, 0)
           == NGX_TGORTC_FR_FR,
           "X-Language ends where its length says");

    tap_ok(ngx_tgortc_language(NULL, 0, NULL, 0, "fr;q=0.9", 5)
           == NGX_TGORTC_EN_US,
           "Accept-Language ends where its length says");
}


static void
check_hostile(void)
{
    char     *header;
    size_t    i, len;
    clock_t   start;

    len = 1 << 20;
    header = malloc(len);

    for (i = 0; i < len; i++) {
        header[i] = "zh-x;q=0,"[i % 9];
    }

    start = clock();
    ngx_tgortc_language(header, len, header, len, header, len);

    tap_ok(clock() - start < 2 * CLOCKS_PER_SEC,
           "a header of a megabyte takes no time to speak of");

    free(header);
}


int
main(void)
{
    int  id, language;

    for (id = 0; id < NGX_TGORTC_MESSAGES; id++) {
        for (language = 0; language < NGX_TGORTC_LANGUAGES; language++) {
            check_message(id, language);
        }
    }

    for (language = 0; language < NGX_TGORTC_LANGUAGES; language++) {
        tap_ok(strcmp(ngx_tgortc_language_tag(language), tags[language])
               == 0,
               "the tag of %s", tags[language]);
    }

    check_limits();
    check_texts();
    check_sizes();
    check_verbatim();
    check_choices();
    check_bounds();
    check_hostile();

    return tap_done();
}
