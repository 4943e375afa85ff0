
/*
 * Copyright (C) TgoRTC contributors
 */


#include "ngx_http_tgortc_eviction.h"
#include "ngx_http_tgortc_redis.h"


static ngx_int_t ngx_http_tgortc_eviction_reply(ngx_http_tgortc_command_t *cmd,
    redisReply *reply);


void
ngx_http_tgortc_eviction_check(ngx_http_tgortc_app_t *app)
{
    ngx_str_t                   args[2];
    ngx_http_tgortc_command_t  *cmd;

    /* one worker is enough to say it */

    if (ngx_worker != 0) {
        return;
    }

    /* INFO is allowed where CONFIG is not, at those who rent a Redis out */

    ngx_str_set(&args[0], "INFO");
    ngx_str_set(&args[1], "memory");

    cmd = ngx_http_tgortc_redis_command(app->redis, args, 2);
    if (cmd == NULL) {
        return;
    }

    cmd->handler = ngx_http_tgortc_eviction_reply;
    cmd->data = app;

    if (ngx_http_tgortc_redis_send(cmd) != NGX_OK) {
        ngx_http_tgortc_redis_free(cmd);
    }
}


static ngx_int_t
ngx_http_tgortc_eviction_reply(ngx_http_tgortc_command_t *cmd,
    redisReply *reply)
{
    u_char                 *p;
    ngx_str_t               policy;
    ngx_http_tgortc_app_t  *app;
    static char             name[] = "maxmemory_policy:";

    /* who may not ask is not warned */

    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return NGX_OK;
    }

    p = (u_char *) ngx_strstr(reply->str, name);
    if (p == NULL) {
        return NGX_OK;
    }

    policy.data = p + sizeof(name) - 1;
    policy.len = strcspn((char *) policy.data, "\r\n");
    policy.len = ngx_min(policy.len, sizeof(app->eviction) - 1);
    policy.data[policy.len] = '\0';

    app = cmd->data;

    if (ngx_strcmp(app->eviction, policy.data) == 0) {
        return NGX_OK;
    }

    ngx_cpystrn(app->eviction, policy.data, sizeof(app->eviction));

    if (ngx_strncmp(policy.data, "volatile-", 9) == 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "tgortc: redis \"%V\" has maxmemory-policy \"%V\": calls "
                      "that have ended, and answers to an Idempotency-Key, "
                      "may be forgotten, set it to \"noeviction\"",
                      &app->settings.redis->address, &policy);

    } else if (ngx_strcmp(policy.data, "noeviction") != 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "tgortc: redis \"%V\" has maxmemory-policy \"%V\": calls "
                      "and events may be thrown away, set it to \"noeviction\"",
                      &app->settings.redis->address, &policy);
    }

    return NGX_OK;
}
