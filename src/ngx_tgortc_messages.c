
/*
 * Copyright (C) TgoRTC contributors
 */


#include <string.h>
#include "ngx_tgortc_messages.h"
#include "ngx_tgortc_validate.h"


#define ngx_tgortc_quote(number)  #number
#define ngx_tgortc_text(number)   ngx_tgortc_quote(number)

#define NGX_TGORTC_ROOM_ID_BYTES  ngx_tgortc_text(NGX_TGORTC_ROOM_ID_MAX)
#define NGX_TGORTC_UID_BYTES      ngx_tgortc_text(NGX_TGORTC_UID_MAX)
#define NGX_TGORTC_DEVICE_BYTES   ngx_tgortc_text(NGX_TGORTC_DEVICE_MAX)
#define NGX_TGORTC_KEY_BYTES      ngx_tgortc_text(NGX_TGORTC_KEY_MAX)
#define NGX_TGORTC_MAX_LOW        ngx_tgortc_text(NGX_TGORTC_PARTICIPANTS_MIN)
#define NGX_TGORTC_MAX_HIGH       ngx_tgortc_text(NGX_TGORTC_PARTICIPANTS_MAX)

#define NGX_TGORTC_ROOM_ID_CHARS  "A-Z a-z 0-9 _ - . ~ : @"

/* a quality value of 1, in the thousandths that RFC 9110 has them in */

#define NGX_TGORTC_QUALITY_MAX    1000


typedef struct {
    const char             *data;
    size_t                  len;
} ngx_tgortc_slice_t;


typedef struct {
    const char             *range;
    ngx_tgortc_language_e   language;
} ngx_tgortc_range_t;


typedef struct {
    char                   *buf;
    size_t                  size;
    size_t                  len;
} ngx_tgortc_text_t;


static ngx_tgortc_language_e ngx_tgortc_accept_language(
    ngx_tgortc_slice_t header);
static void ngx_tgortc_refused(ngx_tgortc_slice_t header, size_t *refused);
static ngx_tgortc_slice_t ngx_tgortc_accept_part(ngx_tgortc_slice_t *header,
    int *quality);
static int ngx_tgortc_quality(ngx_tgortc_slice_t parameter);
static ngx_tgortc_language_e ngx_tgortc_find_language(ngx_tgortc_slice_t tag);
static int ngx_tgortc_is_tag(ngx_tgortc_slice_t tag);
static int ngx_tgortc_in_range(ngx_tgortc_slice_t tag,
    ngx_tgortc_slice_t range);
static char ngx_tgortc_fold(char c);
static ngx_tgortc_slice_t ngx_tgortc_slice(const char *s);
static ngx_tgortc_slice_t ngx_tgortc_cut(ngx_tgortc_slice_t *s, char c);
static ngx_tgortc_slice_t ngx_tgortc_trim(ngx_tgortc_slice_t s);
static int ngx_tgortc_is_space(char c);
static void ngx_tgortc_append(ngx_tgortc_text_t *text, const char *s,
    size_t len);


static const char *const  ngx_tgortc_tags[NGX_TGORTC_LANGUAGES] = {
    "en-US", "zh-CN", "zh-TW", "fr-FR", "ja-JP"
};


/* the first range that a tag is in decides: the longer ones come first */

static const ngx_tgortc_range_t  ngx_tgortc_ranges[] = {
    { "zh-Hant", NGX_TGORTC_ZH_TW },
    { "zh-TW",   NGX_TGORTC_ZH_TW },
    { "zh-HK",   NGX_TGORTC_ZH_TW },
    { "zh-MO",   NGX_TGORTC_ZH_TW },
    { "zh",      NGX_TGORTC_ZH_CN },
    { "en",      NGX_TGORTC_EN_US },
    { "fr",      NGX_TGORTC_FR_FR },
    { "ja",      NGX_TGORTC_JA_JP }
};


static const char *const  ngx_tgortc_prefixes[NGX_TGORTC_LANGUAGES] = {
    "Parameter error: ",
    "参数错误：",
    "參數錯誤：",
    "Paramètre invalide : ",
    "パラメータエラー："
};


/* in the order of ngx_tgortc_language_e */

static const char *const
    ngx_tgortc_messages[NGX_TGORTC_MESSAGES][NGX_TGORTC_LANGUAGES] =
{
    [NGX_TGORTC_MSG_BODY_INVALID] = {
        "the body must be valid JSON in UTF-8 (error at byte offset %1)",
        "请求体必须是有效的 UTF-8 编码 JSON（错误位于字节偏移 %1 处）",
        "請求內文必須是有效的 UTF-8 編碼 JSON（錯誤位於位元組位移 %1 處）",
        "le corps doit être du JSON valide en UTF-8"
        " (erreur à l’octet de rang %1, compté depuis 0)",
        "リクエスト本文は UTF-8 の正しい JSON で指定してください"
        "（エラー位置：バイトオフセット %1）"
    },

    [NGX_TGORTC_MSG_BODY_NOT_OBJECT] = {
        "the body must be a JSON object",
        "请求体必须是 JSON 对象",
        "請求內文必須是 JSON 物件",
        "le corps doit être un objet JSON",
        "リクエスト本文は JSON オブジェクトで指定してください"
    },

    [NGX_TGORTC_MSG_BODY_TOO_DEEP] = {
        "the body must be nested less deeply (too deep at byte offset %1)",
        "请求体的 JSON 嵌套层数过多（位于字节偏移 %1 处）",
        "請求內文的 JSON 巢狀層數過多（位於位元組位移 %1 處）",
        "le corps comporte trop de niveaux d’imbrication"
        " (à l’octet de rang %1, compté depuis 0)",
        "リクエスト本文の JSON の入れ子が深すぎます"
        "（位置：バイトオフセット %1）"
    },

    [NGX_TGORTC_MSG_BODY_REPEATED] = {
        "the body must not repeat a key within an object"
        " (repeated at byte offset %1)",
        "请求体的同一 JSON 对象中不能有重复的键（重复处位于字节偏移 %1）",
        "請求內文的同一 JSON 物件中不得有重複的鍵"
        "（重複處位於位元組位移 %1）",
        "le corps ne doit pas répéter une clé dans un même objet"
        " (répétée à l’octet de rang %1, compté depuis 0)",
        "リクエスト本文の同じ JSON オブジェクト内でキーを重複させることは"
        "できません（重複位置：バイトオフセット %1）"
    },

    [NGX_TGORTC_MSG_FIELD_ROOM_ID] = {
        "%1 must be 1 to " NGX_TGORTC_ROOM_ID_BYTES " characters of "
        NGX_TGORTC_ROOM_ID_CHARS ", and not ., .. or sync",
        "%1 必须由 1 到 " NGX_TGORTC_ROOM_ID_BYTES " 个字符组成，只能使用 "
        NGX_TGORTC_ROOM_ID_CHARS "，且不能是 .、.. 或 sync",
        "%1 必須由 1 到 " NGX_TGORTC_ROOM_ID_BYTES " 個字元組成，只能使用 "
        NGX_TGORTC_ROOM_ID_CHARS "，且不得為 .、.. 或 sync",
        "%1 doit comporter de 1 à " NGX_TGORTC_ROOM_ID_BYTES
        " caractères parmi " NGX_TGORTC_ROOM_ID_CHARS
        ", et ne doit être ni ., ni .., ni sync",
        "%1 は " NGX_TGORTC_ROOM_ID_CHARS " からなる 1～"
        NGX_TGORTC_ROOM_ID_BYTES
        " 文字で指定してください（.、..、sync は使用できません）"
    },

    [NGX_TGORTC_MSG_FIELD_UID] = {
        "%1 must be a string of 1 to " NGX_TGORTC_UID_BYTES
        " bytes without control characters",
        "%1 必须是 1 到 " NGX_TGORTC_UID_BYTES
        " 字节的字符串，且不能包含控制字符",
        "%1 必須是 1 到 " NGX_TGORTC_UID_BYTES
        " 位元組的字串，且不得包含控制字元",
        "%1 doit être une chaîne de 1 à " NGX_TGORTC_UID_BYTES
        " octets sans caractères de contrôle",
        "%1 は制御文字を含まない 1～" NGX_TGORTC_UID_BYTES
        " バイトの文字列で指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_DEVICE] = {
        "%1 must be a string of 1 to " NGX_TGORTC_DEVICE_BYTES
        " bytes without control characters",
        "%1 必须是 1 到 " NGX_TGORTC_DEVICE_BYTES
        " 字节的字符串，且不能包含控制字符",
        "%1 必須是 1 到 " NGX_TGORTC_DEVICE_BYTES
        " 位元組的字串，且不得包含控制字元",
        "%1 doit être une chaîne de 1 à " NGX_TGORTC_DEVICE_BYTES
        " octets sans caractères de contrôle",
        "%1 は制御文字を含まない 1～" NGX_TGORTC_DEVICE_BYTES
        " バイトの文字列で指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_RTC_TYPE] = {
        "%1 must be 0 (audio) or 1 (video)",
        "%1 必须是 0（语音）或 1（视频）",
        "%1 必須是 0（語音）或 1（視訊）",
        "%1 doit valoir 0 (audio) ou 1 (vidéo)",
        "%1 は 0（音声）または 1（ビデオ）を指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_INVITE_ON] = {
        "%1 must be 0 (anyone may join) or 1 (invited users only)",
        "%1 必须是 0（任何人可加入）或 1（仅受邀用户可加入）",
        "%1 必須是 0（任何人可加入）或 1（僅受邀使用者可加入）",
        "%1 doit valoir 0 (ouvert à tous) ou 1 (sur invitation seulement)",
        "%1 は 0（誰でも参加可）または 1（招待者のみ）を指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_MAX] = {
        "%1 must be an integer from " NGX_TGORTC_MAX_LOW " to "
        NGX_TGORTC_MAX_HIGH,
        "%1 必须是 " NGX_TGORTC_MAX_LOW " 到 " NGX_TGORTC_MAX_HIGH
        " 之间的整数",
        "%1 必須是 " NGX_TGORTC_MAX_LOW " 到 " NGX_TGORTC_MAX_HIGH
        " 之間的整數",
        "%1 doit être un entier de " NGX_TGORTC_MAX_LOW " à "
        NGX_TGORTC_MAX_HIGH,
        "%1 は " NGX_TGORTC_MAX_LOW "～" NGX_TGORTC_MAX_HIGH
        " の整数で指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_UIDS] = {
        "%1 must be a list of user ids, each a string of 1 to "
        NGX_TGORTC_UID_BYTES " bytes without control characters",
        "%1 必须是用户 ID 列表，每个 ID 为 1 到 " NGX_TGORTC_UID_BYTES
        " 字节的字符串，且不能包含控制字符",
        "%1 必須是使用者 ID 清單，每個 ID 為 1 到 " NGX_TGORTC_UID_BYTES
        " 位元組的字串，且不得包含控制字元",
        "%1 doit être une liste d’identifiants d’utilisateurs, chacun étant"
        " une chaîne de 1 à " NGX_TGORTC_UID_BYTES
        " octets sans caractères de contrôle",
        "%1 はユーザー ID のリストで指定してください（各 ID は制御文字を"
        "含まない 1～" NGX_TGORTC_UID_BYTES " バイトの文字列）"
    },

    [NGX_TGORTC_MSG_FIELD_UIDS_EMPTY] = {
        "%1 must name at least one user",
        "%1 必须至少包含一个用户",
        "%1 必須至少包含一位使用者",
        "%1 doit désigner au moins un utilisateur",
        "%1 には 1 人以上のユーザーを指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_UIDS_MANY] = {
        "%1 may name at most %2 besides the creator",
        "%1 除创建者外最多只能包含 %2 个用户",
        "%1 除建立者外最多只能包含 %2 位使用者",
        "%1 désigne trop d’utilisateurs : %2 au plus, sans le créateur",
        "%1 に指定できるユーザーは、作成者を除いて %2 人までです"
    },

    [NGX_TGORTC_MSG_FIELD_UIDS_LIMIT] = {
        "%1 may name at most %2 users",
        "%1 最多只能包含 %2 个用户",
        "%1 最多只能包含 %2 位使用者",
        "%1 désigne trop d’utilisateurs : %2 au plus",
        "%1 に指定できるユーザーは %2 人までです"
    },

    [NGX_TGORTC_MSG_FIELD_KEY] = {
        "%1 must be 1 to " NGX_TGORTC_KEY_BYTES " visible ASCII characters",
        "%1 必须由 1 到 " NGX_TGORTC_KEY_BYTES " 个可见 ASCII 字符组成",
        "%1 必須由 1 到 " NGX_TGORTC_KEY_BYTES " 個可見 ASCII 字元組成",
        "%1 doit comporter de 1 à " NGX_TGORTC_KEY_BYTES
        " caractères ASCII visibles",
        "%1 は 1～" NGX_TGORTC_KEY_BYTES
        " 文字の表示可能な ASCII 文字で指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_STATE] = {
        "%1 must be live or ended",
        "%1 必须是 live 或 ended",
        "%1 必須是 live 或 ended",
        "%1 doit valoir live ou ended",
        "%1 は live または ended を指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_LIVE_ONLY] = {
        "%1 may only be given with state live",
        "%1 只能与 state=live 一起使用",
        "%1 只能與 state=live 一起使用",
        "%1 ne peut être indiqué qu’avec state=live",
        "%1 は state=live の場合にのみ指定できます"
    },

    [NGX_TGORTC_MSG_FIELD_DAYS] = {
        "%1 must be a number of days from 1 to 36500",
        "%1 必须是 1 到 36500 之间的天数",
        "%1 必須是 1 到 36500 之間的天數",
        "%1 doit être un nombre de jours de 1 à 36500",
        "%1 は 1～36500 の日数で指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_LIMIT] = {
        "%1 must be a number from 1 to 100",
        "%1 必须是 1 到 100 之间的数字",
        "%1 必須是 1 到 100 之間的數字",
        "%1 doit être un nombre de 1 à 100",
        "%1 は 1～100 の数値で指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_CURSOR] = {
        "%1 must be the cursor of an earlier page",
        "%1 必须是先前页面返回的游标",
        "%1 必須是先前頁面傳回的游標",
        "%1 doit être le curseur d’une page précédente",
        "%1 は前のページで返されたカーソルを指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_EVENT] = {
        "%1 must be a type of event, like participant.invited",
        "%1 必须是事件类型，例如 participant.invited",
        "%1 必須是事件類型，例如 participant.invited",
        "%1 doit être un type d’événement, comme participant.invited",
        "%1 は participant.invited のようなイベント種別を指定してください"
    },

    [NGX_TGORTC_MSG_FIELD_REPLAY] = {
        "%1 must be an event id, or since and until unix times in seconds",
        "%1 必须是事件 ID，或者使用 since 和 until（Unix 秒）",
        "%1 必須是事件 ID，或使用 since 和 until（Unix 秒）",
        "%1 doit être un identifiant d’événement, ou bien since et until"
        " des instants Unix en secondes",
        "%1 にイベント ID を、または since と until に Unix 秒を"
        "指定してください"
    },

    [NGX_TGORTC_MSG_API_KEY] = {
        "The API key is missing or wrong",
        "缺少 API 密钥或密钥错误",
        "缺少 API 金鑰或金鑰錯誤",
        "Clé d’API absente ou incorrecte",
        "API キーが指定されていないか、正しくありません"
    },

    [NGX_TGORTC_MSG_VERIFY_MISSING] = {
        "The webhook has no Authorization header",
        "Webhook 缺少 Authorization 头",
        "Webhook 缺少 Authorization 標頭",
        "Le webhook n’a pas d’en-tête Authorization",
        "Webhook に Authorization ヘッダーがありません"
    },

    [NGX_TGORTC_MSG_VERIFY_MALFORMED] = {
        "The webhook's Authorization header is not a JWT",
        "Webhook 的 Authorization 头不是 JWT",
        "Webhook 的 Authorization 標頭不是 JWT",
        "L’en-tête Authorization du webhook n’est pas un JWT",
        "Webhook の Authorization ヘッダーが JWT ではありません"
    },

    [NGX_TGORTC_MSG_VERIFY_ALGORITHM] = {
        "The webhook's token is not signed with HS256",
        "Webhook 的令牌不是用 HS256 签名的",
        "Webhook 的權杖不是以 HS256 簽署的",
        "Le jeton du webhook n’est pas signé avec HS256",
        "Webhook のトークンが HS256 で署名されていません"
    },

    [NGX_TGORTC_MSG_VERIFY_ISSUER] = {
        "The webhook's token is of an unknown API key",
        "Webhook 的令牌来自未知的 API 密钥",
        "Webhook 的權杖來自未知的 API 金鑰",
        "Le jeton du webhook provient d’une clé d’API inconnue",
        "Webhook のトークンの API キーが不明です"
    },

    [NGX_TGORTC_MSG_VERIFY_SIGNATURE] = {
        "The webhook's token has a wrong signature",
        "Webhook 令牌的签名错误",
        "Webhook 權杖的簽章錯誤",
        "La signature du jeton du webhook est incorrecte",
        "Webhook のトークンの署名が正しくありません"
    },

    [NGX_TGORTC_MSG_VERIFY_NO_EXPIRY] = {
        "The webhook's token has no expiry time",
        "Webhook 的令牌没有过期时间",
        "Webhook 的權杖沒有到期時間",
        "Le jeton du webhook n’a pas de date d’expiration",
        "Webhook のトークンに有効期限がありません"
    },

    [NGX_TGORTC_MSG_VERIFY_EXPIRED] = {
        "The webhook's token has expired",
        "Webhook 的令牌已过期",
        "Webhook 的權杖已過期",
        "Le jeton du webhook a expiré",
        "Webhook のトークンの有効期限が切れています"
    },

    [NGX_TGORTC_MSG_VERIFY_NOT_YET] = {
        "The webhook's token is not valid yet",
        "Webhook 的令牌尚未生效",
        "Webhook 的權杖尚未生效",
        "Le jeton du webhook n’est pas encore valable",
        "Webhook のトークンはまだ有効ではありません"
    },

    [NGX_TGORTC_MSG_VERIFY_NO_HASH] = {
        "The webhook's token has no sha256 claim",
        "Webhook 的令牌没有 sha256 声明",
        "Webhook 的權杖沒有 sha256 宣告",
        "Le jeton du webhook n’a pas de revendication sha256",
        "Webhook のトークンに sha256 クレームがありません"
    },

    [NGX_TGORTC_MSG_VERIFY_HASH] = {
        "The webhook's token is of another body: the hashes differ",
        "Webhook 的令牌属于另一个请求体：哈希值不一致",
        "Webhook 的權杖屬於另一個請求內文：雜湊值不一致",
        "Le jeton du webhook est celui d’un autre corps :"
        " les empreintes diffèrent",
        "Webhook のトークンは別の本文のものです（ハッシュが一致しません）"
    },

    [NGX_TGORTC_MSG_NOT_INVITED] = {
        "Only invited users may join this room",
        "只有受邀用户才能加入该房间",
        "只有受邀的使用者才能加入此房間",
        "Seules les personnes invitées peuvent rejoindre cette salle",
        "このルームには招待されたユーザーのみ参加できます"
    },

    [NGX_TGORTC_MSG_NO_ROOM] = {
        "Room not found",
        "房间不存在",
        "房間不存在",
        "Salle introuvable",
        "ルームが見つかりません"
    },

    [NGX_TGORTC_MSG_NO_PARTICIPANT] = {
        "Participant not found",
        "参与者不存在",
        "參與者不存在",
        "Participant introuvable",
        "参加者が見つかりません"
    },

    [NGX_TGORTC_MSG_NO_PATH] = {
        "Path not found",
        "路径不存在",
        "路徑不存在",
        "Chemin introuvable",
        "パスが見つかりません"
    },

    [NGX_TGORTC_MSG_METHOD] = {
        "Method not allowed",
        "不支持该请求方法",
        "不支援此請求方法",
        "Méthode non autorisée",
        "このメソッドは許可されていません"
    },

    [NGX_TGORTC_MSG_ROOM_TAKEN] = {
        "The room id is already in use",
        "房间 ID 已被使用",
        "房間 ID 已被使用",
        "Cet identifiant de salle est déjà utilisé",
        "このルーム ID はすでに使用されています"
    },

    [NGX_TGORTC_MSG_BUSY] = {
        "Busy in another call: %1",
        "以下用户正在其他通话中：%1",
        "以下使用者正在其他通話中：%1",
        "Déjà dans un autre appel : %1",
        "次のユーザーは別の通話に参加しています：%1"
    },

    [NGX_TGORTC_MSG_ROOM_FULL] = {
        "The room is full",
        "房间已满",
        "房間已滿",
        "La salle est complète",
        "ルームは満員です"
    },

    [NGX_TGORTC_MSG_ROOM_ENDED] = {
        "The room has ended",
        "房间已结束",
        "房間已結束",
        "L’appel dans cette salle est terminé",
        "このルームはすでに終了しています"
    },

    [NGX_TGORTC_MSG_KEY_REUSED] = {
        "This Idempotency-Key was used for another request",
        "该 Idempotency-Key 已用于另一个请求",
        "此 Idempotency-Key 已用於另一個請求",
        "Cet Idempotency-Key a déjà servi pour une autre requête",
        "この Idempotency-Key は別のリクエストで使用されています"
    },

    [NGX_TGORTC_MSG_INTERNAL] = {
        "Internal error",
        "内部错误",
        "內部錯誤",
        "Erreur interne",
        "内部エラーが発生しました"
    },

    [NGX_TGORTC_MSG_UNAVAILABLE] = {
        "Service temporarily unavailable, please try again later",
        "服务暂时不可用，请稍后重试",
        "服務暫時無法使用，請稍後再試",
        "Service momentanément indisponible, veuillez réessayer plus tard",
        "現在サービスを利用できません。しばらくしてからもう一度お試しください"
    },

    [NGX_TGORTC_MSG_BAD_REQUEST] = {
        "Bad request",
        "请求无效",
        "請求無效",
        "Requête incorrecte",
        "不正なリクエストです"
    },

    [NGX_TGORTC_MSG_UNAUTHORIZED] = {
        "Authentication required",
        "需要身份验证",
        "需要驗證身分",
        "Authentification requise",
        "認証が必要です"
    },

    [NGX_TGORTC_MSG_FORBIDDEN] = {
        "Access denied",
        "拒绝访问",
        "拒絕存取",
        "Accès refusé",
        "アクセスが拒否されました"
    },

    [NGX_TGORTC_MSG_TOO_LARGE] = {
        "The request body is too large",
        "请求体过大",
        "請求內文過大",
        "Le corps de la requête est trop volumineux",
        "リクエスト本文が大きすぎます"
    },

    [NGX_TGORTC_MSG_TOO_MANY] = {
        "Too many requests, please slow down",
        "请求过于频繁，请稍后重试",
        "請求過於頻繁，請稍後再試",
        "Trop de requêtes, veuillez patienter",
        "リクエストが多すぎます。しばらくお待ちください"
    },

    [NGX_TGORTC_MSG_CLIENT_ERROR] = {
        "The request cannot be processed",
        "无法处理该请求",
        "無法處理此請求",
        "La requête ne peut pas être traitée",
        "リクエストを処理できません"
    },

    [NGX_TGORTC_MSG_SERVER_ERROR] = {
        "Server error",
        "服务器错误",
        "伺服器錯誤",
        "Erreur du serveur",
        "サーバーエラーが発生しました"
    }
};


ngx_tgortc_language_e
ngx_tgortc_language(const char *x_language, size_t x_language_len,
    const char *lang, size_t lang_len, const char *accept_language,
    size_t accept_language_len)
{
    size_t                 i;
    ngx_tgortc_slice_t     header, tags[2];
    ngx_tgortc_language_e  language;

    tags[0].data = x_language;
    tags[0].len = x_language_len;
    tags[1].data = lang;
    tags[1].len = lang_len;

    for (i = 0; i < 2; i++) {
        if (tags[i].data == NULL) {
            continue;
        }

        language = ngx_tgortc_find_language(ngx_tgortc_trim(tags[i]));

        if (language != NGX_TGORTC_LANGUAGES) {
            return language;
        }
    }

    if (accept_language == NULL) {
        return NGX_TGORTC_EN_US;
    }

    header.data = accept_language;
    header.len = accept_language_len;

    return ngx_tgortc_accept_language(header);
}


const char *
ngx_tgortc_language_tag(ngx_tgortc_language_e language)
{
    return ngx_tgortc_tags[language];
}


size_t
ngx_tgortc_message(char *buf, size_t size, ngx_tgortc_message_e id,
    ngx_tgortc_language_e language, const char *arg1, const char *arg2)
{
    const char         *arg, *mark, *s;
    ngx_tgortc_text_t   text;

    text.buf = buf;
    text.size = size;
    text.len = 0;

    if (id < NGX_TGORTC_MSG_API_KEY) {
        s = ngx_tgortc_prefixes[language];
        ngx_tgortc_append(&text, s, strlen(s));
    }

    s = ngx_tgortc_messages[id][language];

    while ((mark = strchr(s, '%')) != NULL) {
        ngx_tgortc_append(&text, s, mark - s);

        arg = (mark[1] == '1') ? arg1 : arg2;
        ngx_tgortc_append(&text, arg, strlen(arg));

        s = mark + 2;
    }

    ngx_tgortc_append(&text, s, strlen(s));

    if (size > 0) {
        buf[text.len < size ? text.len : size - 1] = '\0';
    }

    return text.len;
}


/* the best quality wins, of equals the first */

static ngx_tgortc_language_e
ngx_tgortc_accept_language(ngx_tgortc_slice_t header)
{
    int                    best, quality;
    size_t                 refused[NGX_TGORTC_LANGUAGES];
    ngx_tgortc_slice_t     range;
    ngx_tgortc_language_e  chosen, language;

    ngx_tgortc_refused(header, refused);

    best = 0;
    chosen = NGX_TGORTC_EN_US;

    while (header.len > 0) {
        range = ngx_tgortc_accept_part(&header, &quality);

        if (quality <= best) {
            continue;
        }

        language = (range.len == 1 && range.data[0] == '*')
                   ? NGX_TGORTC_EN_US : ngx_tgortc_find_language(range);

        if (language != NGX_TGORTC_LANGUAGES && range.len > refused[language])
        {
            best = quality;
            chosen = language;
        }
    }

    return chosen;
}


/*
 * A range of quality 0 takes out the languages that it covers, except where
 * a longer range asks for them: "zh;q=0, zh-TW" still is Chinese.  The length
 * of the longest such range is noted for each language.
 */

static void
ngx_tgortc_refused(ngx_tgortc_slice_t header, size_t *refused)
{
    int                 quality;
    size_t              i;
    ngx_tgortc_slice_t  range, tag;

    memset(refused, 0, NGX_TGORTC_LANGUAGES * sizeof(size_t));

    while (header.len > 0) {
        range = ngx_tgortc_accept_part(&header, &quality);

        if (quality != 0) {
            continue;
        }

        for (i = 0; i < NGX_TGORTC_LANGUAGES; i++) {
            tag = ngx_tgortc_slice(ngx_tgortc_tags[i]);

            if (range.len > refused[i] && ngx_tgortc_in_range(tag, range)) {
                refused[i] = range.len;
            }
        }
    }
}


/* takes the next "range;q=value" off the header */

static ngx_tgortc_slice_t
ngx_tgortc_accept_part(ngx_tgortc_slice_t *header, int *quality)
{
    ngx_tgortc_slice_t  part, range;

    part = ngx_tgortc_cut(header, ',');
    range = ngx_tgortc_cut(&part, ';');

    *quality = (part.data == NULL) ? NGX_TGORTC_QUALITY_MAX
                                   : ngx_tgortc_quality(ngx_tgortc_trim(part));

    return ngx_tgortc_trim(range);
}


/* returns thousandths, or -1 when the parameter is not a quality value */

static int
ngx_tgortc_quality(ngx_tgortc_slice_t parameter)
{
    int          quality, weight;
    size_t       i;
    const char  *s;

    s = parameter.data;

    if (parameter.len < 3 || parameter.len > sizeof("q=0.123") - 1
        || ngx_tgortc_fold(s[0]) != 'q' || s[1] != '='
        || (s[2] != '0' && s[2] != '1')
        || (parameter.len > 3 && s[3] != '.'))
    {
        return -1;
    }

    weight = NGX_TGORTC_QUALITY_MAX;
    quality = (s[2] - '0') * weight;

    for (i = 4; i < parameter.len; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return -1;
        }

        weight /= 10;
        quality += (s[i] - '0') * weight;
    }

    return quality <= NGX_TGORTC_QUALITY_MAX ? quality : -1;
}


/* NGX_TGORTC_LANGUAGES when we have nothing like it */

static ngx_tgortc_language_e
ngx_tgortc_find_language(ngx_tgortc_slice_t tag)
{
    size_t              i, n;
    ngx_tgortc_slice_t  range;

    if (!ngx_tgortc_is_tag(tag)) {
        return NGX_TGORTC_LANGUAGES;
    }

    n = sizeof(ngx_tgortc_ranges) / sizeof(ngx_tgortc_ranges[0]);

    for (i = 0; i < n; i++) {
        range = ngx_tgortc_slice(ngx_tgortc_ranges[i].range);

        if (ngx_tgortc_in_range(tag, range)) {
            return ngx_tgortc_ranges[i].language;
        }
    }

    return NGX_TGORTC_LANGUAGES;
}


static int
ngx_tgortc_is_tag(ngx_tgortc_slice_t tag)
{
    char    c;
    size_t  i;

    for (i = 0; i < tag.len; i++) {
        c = ngx_tgortc_fold(tag.data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') {
            return 0;
        }
    }

    return 1;
}


/* "fr" and "fr-CA" are in the range "fr", "fro" is not: RFC 4647, 3.3.1 */

static int
ngx_tgortc_in_range(ngx_tgortc_slice_t tag, ngx_tgortc_slice_t range)
{
    size_t  i;

    if (tag.len < range.len) {
        return 0;
    }

    for (i = 0; i < range.len; i++) {
        if (ngx_tgortc_fold(tag.data[i]) != ngx_tgortc_fold(range.data[i])) {
            return 0;
        }
    }

    return tag.len == range.len || ngx_tgortc_fold(tag.data[i]) == '-';
}


static char
ngx_tgortc_fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A' + 'a';
    }

    return c == '_' ? '-' : c;
}


static ngx_tgortc_slice_t
ngx_tgortc_slice(const char *s)
{
    ngx_tgortc_slice_t  slice;

    slice.data = s;
    slice.len = strlen(s);

    return slice;
}


/* cuts off what is before c, which goes away; without c all, leaving NULL */

static ngx_tgortc_slice_t
ngx_tgortc_cut(ngx_tgortc_slice_t *s, char c)
{
    const char          *end;
    ngx_tgortc_slice_t   head;

    head = *s;
    end = memchr(s->data, c, s->len);

    if (end == NULL) {
        s->data = NULL;
        s->len = 0;
        return head;
    }

    head.len = end - s->data;
    s->data = end + 1;
    s->len -= head.len + 1;

    return head;
}


static ngx_tgortc_slice_t
ngx_tgortc_trim(ngx_tgortc_slice_t s)
{
    while (s.len > 0 && ngx_tgortc_is_space(s.data[0])) {
        s.data++;
        s.len--;
    }

    while (s.len > 0 && ngx_tgortc_is_space(s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


static int
ngx_tgortc_is_space(char c)
{
    return c == ' ' || c == '\t';
}


static void
ngx_tgortc_append(ngx_tgortc_text_t *text, const char *s, size_t len)
{
    size_t  room;

    if (text->len < text->size) {
        room = text->size - text->len;
        memcpy(text->buf + text->len, s, len < room ? len : room);
    }

    text->len += len;
}
