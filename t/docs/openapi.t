#!/usr/bin/env node

/*
 * Copyright (C) TgoRTC contributors
 *
 * The API document: valid, its examples true to its schemas and to the
 * limits of the source, its page whole.  BUILD names the build directory.
 */

'use strict';

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');
const { spawnSync } = require('child_process');

const root = path.resolve(__dirname, '../..');
const build = path.resolve(process.env.BUILD || path.join(root, 'build'));
const www = path.join(build, 'www');
const swagger = path.join(www, 'swagger');
const installed = createRequire(path.join(build, 'pages', 'package.json'));

const OPERATIONS = {
    listRooms: [200, 400, 401, 403, 405, 429, 500, 503],
    createRoom: [200, 400, 401, 403, 405, 409, 413, 422, 429, 500, 503],
    inviteParticipants:
        [200, 400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503],
    joinRoom:
        [200, 400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503],
    leaveRoom: [200, 400, 401, 403, 404, 405, 413, 422, 429, 500, 503],
    endRoom: [200, 400, 401, 403, 404, 405, 413, 422, 429, 500, 503],
    cancelInvitations:
        [200, 400, 401, 403, 404, 405, 410, 413, 422, 429, 500, 503],
    kickParticipants:
        [200, 400, 401, 403, 404, 405, 410, 413, 422, 429, 500, 503],
    syncRooms: [200, 400, 401, 403, 405, 429, 500, 503],
    getRoom: [200, 400, 401, 403, 404, 405, 429, 500, 503],
    findCalls: [200, 400, 401, 403, 405, 413, 429, 500, 503],
    livekitWebhook: [200, 400, 401, 403, 405, 413, 429, 500, 503],
    listWebhookLogs: [200, 400, 401, 403, 405, 429, 500, 503],
    webhookStats: [200, 401, 403, 405, 429, 500, 503],
    cleanUpWebhookLogs: [200, 400, 401, 403, 405, 413, 429, 500, 503],
    replayWebhooks: [200, 400, 401, 403, 405, 413, 429, 500, 503],
    health: [200, 403, 405, 429, 500, 503],
    metrics: [200, 401, 403, 405, 429, 500]
};

const ROOM = 'room_id creator token url status created_at max_participants'
    + ' timeout rtc_type uids';
const DETAILS = 'room_id creator status created_at max_participants timeout'
    + ' rtc_type uids duration ended_at participants';
const PARTICIPANT = 'uid status device_type connected joined_at left_at';

/* in the order of ngx_tgortc_language_e */
const LANGUAGES = ['en-US', 'zh-CN', 'zh-TW', 'fr-FR', 'ja-JP'];

/* with a secret only */
const SIGNED = ['X-Signature', 'webhook-id', 'webhook-timestamp',
    'webhook-signature'];

let count = 0;
let failed = 0;


async function test(name, check) {
    let error;

    try {
        await check();

    } catch (thrown) {
        error = thrown;
        failed++;
    }

    console.log(`${error ? 'not ok' : 'ok'} ${++count} - ${name}`);

    if (error) {
        console.log(error.stack.replace(/^/gm, '# '));
    }
}


function read(...names) {
    return fs.readFileSync(path.join(...names), 'utf8');
}


/* every object of a document, with the path that leads to it */

function* walk(value, at = '#') {
    if (value === null || typeof value !== 'object') {
        return;
    }

    yield [value, at];

    for (const key of Object.keys(value)) {
        yield* walk(value[key], `${at}/${key}`);
    }
}


function resolve(document, value) {
    while (value.$ref) {
        value = value.$ref.slice(2).split('/').reduce(
            (node, key) => node[key], document);
    }

    return value;
}


function* operations(document) {
    for (const [route, item] of Object.entries(document.paths)) {
        for (const method of ['get', 'put', 'post', 'delete', 'patch']) {
            if (item[method]) {
                yield [route, item, item[method]];
            }
        }
    }
}


/* the requests to an endpoint: [name of the event, operation] */

function events(document) {
    return Object.entries(document.webhooks).map(
        ([name, item]) => [name, item.post]);
}


/* every text between quotes that stands there in the source, in order */

function quoted(source, before) {
    return [...source.matchAll(new RegExp(`${before}\\s*"([^"]+)"`, 'g'))]
        .map(match => match[1]);
}


/* what an object that may carry examples has: [where, value] */

function examples_of(holder) {
    const list = Object.entries(holder.examples || {}).map(
        ([name, example]) => [name, example.value]);

    return 'example' in holder ? [...list, ['example', holder.example]] : list;
}


/* the keys of a value are those of its schema, in that order */

function same_keys(document, schema, value, at) {
    schema = resolve(document, schema);

    if (Array.isArray(value)) {
        value.forEach((item, i) => schema.items
            && same_keys(document, schema.items, item, `${at}/${i}`));

    } else if (value !== null && typeof value === 'object') {
        const keys = Object.keys(schema.properties || {});

        assert.deepStrictEqual(Object.keys(value),
            keys.filter(key => key in value), `keys at ${at}`);

        for (const key of Object.keys(value)) {
            same_keys(document, schema.properties[key], value[key],
                `${at}/${key}`);
        }
    }
}


function define(source, name) {
    const found = source.match(new RegExp(`^#define ${name} +(\\d+)$`, 'm'));

    assert(found, name);
    return Number(found[1]);
}


/* the messages of the source by language, as expressions for whole texts */

function messages() {
    const program = path.join(fs.mkdtempSync(path.join(build, 'pages/tmp.')),
        'messages');
    const source = `
        #include <stdio.h>
        #include "ngx_tgortc_messages.h"

        int
        main(void)
        {
            char  text[4096];
            int   id, language;

            for (id = 0; id < NGX_TGORTC_MESSAGES * NGX_TGORTC_LANGUAGES; id++) {
                language = id % NGX_TGORTC_LANGUAGES;
                ngx_tgortc_message(text, sizeof(text),
                                   id / NGX_TGORTC_LANGUAGES, language,
                                   "%1", "%2");
                puts(text);
            }

            return 0;
        }`;

    try {
        const run = (command, args) => {
            const { status, stdout, stderr } = spawnSync(command, args,
                { input: source, encoding: 'utf8' });

            assert.strictEqual(status, 0, `${command}: ${stderr}`);
            return stdout;
        };

        run(process.env.CC || 'cc', ['-I', path.join(root, 'src'), '-o',
            program, '-x', 'c', '-',
            path.join(root, 'src/ngx_tgortc_messages.c')]);

        const texts = run(program, []).trim().split('\n').map(
            text => new RegExp('^'
                + text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
                    .replace(/%\d/g, '.+')
                + '$'));

        return Object.fromEntries(LANGUAGES.map((language, i) => [language,
            texts.filter((text, n) => n % LANGUAGES.length === i)]));

    } finally {
        fs.rmSync(path.dirname(program), { recursive: true });
    }
}


async function document_tests(document) {
    const { Validator } = await import(pathToFileURL(
        installed.resolve('@seriousme/openapi-schema-validator')));
    const Ajv = installed('ajv/dist/2020').default;
    const formats = installed('ajv-formats').default;

    const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true,
        strictRequired: false });
    formats(ajv);
    ajv.addVocabulary(['components']);
    ajv.addKeyword({ keyword: 'x-max-bytes', type: 'string',
        validate: (limit, text) => Buffer.byteLength(text) <= limit });

    function check(schema, value) {
        const components = document.components;
        const validate = ajv.compile({ ...schema, components });

        return validate(value) ? null : ajv.errorsText(validate.errors);
    }

    function conforms(schema, value, at) {
        assert.strictEqual(check(schema, value), null, at);
    }

    await test('the document is valid OpenAPI 3.1', async () => {
        const copy = structuredClone(document);
        const result = await new Validator().validate(copy);

        assert(result.valid, JSON.stringify(result.errors, null, 2));
        assert.match(document.openapi, /^3\.1\./);
    });

    await test('a broken document would not be', async () => {
        const copy = structuredClone(document);

        delete copy.paths['/api/v1/rooms'].post.responses['200'].description;
        assert(!(await new Validator().validate(copy)).valid);
    });

    await test('the JSON copy equals the YAML', () => {
        assert.deepStrictEqual(JSON.parse(read(www, 'openapi.json')),
            document);
        assert.strictEqual(read(www, 'openapi.yaml'),
            read(root, 'docs/openapi.yaml'));
    });

    await test('every reference leads somewhere, every component is used',
    () => {
        const used = new Set();

        for (const [node, at] of walk(document)) {
            if (typeof node.$ref === 'string') {
                assert(resolve(document, node), at);
                used.add(node.$ref);
            }
        }

        for (const [kind, components] of Object.entries(document.components)) {
            for (const name of Object.keys(components)) {
                assert(kind === 'securitySchemes'
                    || used.has(`#/components/${kind}/${name}`), name);
            }
        }
    });

    await test('operations and their answers are those of the API', () => {
        const found = {};

        for (const [, , operation] of operations(document)) {
            found[operation.operationId]
                = Object.keys(operation.responses).map(Number);
        }

        assert.deepStrictEqual(found, OPERATIONS);
    });

    await test('path parameters are declared', () => {
        for (const [route, item, operation] of operations(document)) {
            /* Swagger UI does not resolve references above the operation */
            assert(!item.parameters, route);

            const names = operation.parameters
                .map(parameter => resolve(document, parameter))
                .filter(parameter => parameter.in === 'path')
                .map(parameter => `{${parameter.name}}`);

            assert.deepStrictEqual(names, route.match(/\{\w+\}/g) || []);
        }
    });

    await test('schemas are in order, their examples and defaults conform',
    () => {
        for (const [node, at] of walk(document)) {
            if (/\/examples\/|\/(example|default)$/.test(at)) {
                continue;
            }

            if (/\/(schema|items)$|\/(properties|schemas)\/[^/]+$/.test(at)) {
                check(node, null);

                for (const example of node.examples || []) {
                    conforms(node, example, at);
                }

                if ('default' in node) {
                    conforms(node, node.default, `${at}/default`);
                }
            }
        }
    });

    await test('examples of parameters and headers conform', () => {
        let checked = 0;

        for (const [node, at] of walk(document)) {
            if (node.schema && !node.$ref && 'example' in node) {
                conforms(node.schema, node.example, at);
                checked++;
            }
        }

        assert(checked >= 8, String(checked));
    });

    await test('every body has examples, which conform', () => {
        const all = [...[...operations(document)].map(found => found[2]),
            ...events(document).map(found => found[1])];

        for (const operation of all) {
            const bodies = Object.entries(operation.responses).map(
                ([status, response]) => [status, resolve(document, response)]);

            if (operation.requestBody) {
                assert(operation.requestBody.required, operation.operationId);
                bodies.push(['request', operation.requestBody]);
            }

            for (const [status, body] of bodies) {
                const at = `${operation.operationId} ${status}`;

                if (!body.content) {
                    assert(at === 'livekitWebhook 200' || /^on[A-Z]/.test(at),
                        at);
                    continue;
                }

                const types = {
                    'livekitWebhook request': 'application/webhook+json',
                    'metrics 200': 'text/plain; version=0.0.4; charset=utf-8'
                };

                assert.deepStrictEqual(Object.keys(body.content),
                    [types[at] || 'application/json'], at);

                const media = Object.values(body.content)[0];
                const examples = examples_of(media);

                assert(examples.length > 0, at);

                for (const [name, value] of examples) {
                    conforms(media.schema, value, `${at} ${name}`);
                    same_keys(document, media.schema, value, `${at} ${name}`);

                    if (status >= 400) {
                        assert.strictEqual(value.code, Number(status), at);
                    }
                }
            }
        }
    });

    await test('messages are those of the source', () => {
        const known = messages();

        for (const [node, at] of walk(document)) {
            if (typeof node.message === 'string' && node.code !== 200) {
                const name = at.split('/').at(-2);

                assert(known[name in known ? name : 'en-US'].some(
                    text => text.test(node.message)), `${at}: ${node.message}`);
            }
        }
    });

    await test('every refusal is shown in every language', () => {
        const known = messages();

        for (const [, , operation] of operations(document)) {
            for (const [status, response] of Object.entries(
                operation.responses))
            {
                if (status < 400) {
                    continue;
                }

                const examples = Object.entries(Object.values(
                    resolve(document, response).content)[0].examples);
                const [, { value: { message } }] = examples[0];
                const which = known['en-US'].findIndex(
                    text => text.test(message));

                /* the first one, also in the languages that are not English */

                for (const language of LANGUAGES.slice(1)) {
                    const found = examples.find(([name]) => name === language);

                    assert(found, `${operation.operationId} ${status} `
                        + language);
                    assert.match(found[1].value.message,
                        known[language][which]);
                }
            }
        }
    });

    await test('keys of the room objects are in order', () => {
        const { Room, ActiveRoom, RoomDetails, Participant }
            = document.components.schemas;

        for (const [schema, keys] of [[Room, ROOM], [ActiveRoom, ROOM],
            [RoomDetails, DETAILS], [Participant, PARTICIPANT]])
        {
            assert.strictEqual(Object.keys(schema.properties).join(' '), keys);
            assert.strictEqual(schema.required.join(' '), keys);
        }
    });

    await test('answers tell how to go on', () => {
        const headers = { 401: 'WWW-Authenticate', 405: 'Allow',
            503: 'Retry-After' };

        for (const [route, item, operation] of operations(document)) {
            for (const [status, name] of Object.entries(headers)) {
                const response = operation.responses[status];

                if (!response) {
                    continue;
                }

                /* it is told what it was not asked for, and obeys too well */

                if (operation.operationId === 'livekitWebhook'
                    && status !== '405')
                {
                    assert(!response.headers && !response.$ref, status);
                    continue;
                }

                const header = resolve(document,
                    resolve(document, response).headers[name]);

                if (status === '405') {
                    assert.strictEqual(header.example,
                        [item.get && 'GET, HEAD', item.post && 'POST']
                            .filter(Boolean).join(', '), route);
                }
            }
        }
    });

    await test('every operation takes the three ways to name a language',
    () => {
        for (const [route, , operation] of operations(document)) {
            const names = operation.parameters.map(
                parameter => resolve(document, parameter).name);

            assert.deepStrictEqual(names.slice(-3),
                ['X-Language', 'lang', 'Accept-Language'], route);
        }
    });

    await test('every change of a room takes an Idempotency-Key', () => {
        for (const [route, , operation] of operations(document)) {
            const names = operation.parameters.map(
                parameter => resolve(document, parameter).name);

            assert.strictEqual(names.includes('Idempotency-Key'),
                /\/rooms/.test(route) && 'requestBody' in operation
                || operation.operationId === 'endRoom', route);
        }
    });

    await test("only health and LiveKit's webhook need no API key", () => {
        const others = { health: [], livekitWebhook: [{ livekit: [] }] };

        assert.deepStrictEqual(document.security, [{}, { apiKey: [] }]);

        for (const [, , operation] of operations(document)) {
            assert.deepStrictEqual(operation.security,
                others[operation.operationId]);
        }
    });

    await test('null is no value of a request field', () => {
        for (const name of ['CreateRoom', 'Invite', 'Join', 'Leave', 'Cancel',
            'Kick', 'Calling', 'Cleanup', 'Replay'])
        {
            const { properties } = document.components.schemas[name];

            for (const [field, schema] of Object.entries(properties)) {
                assert(check(schema, null), `${name} ${field}`);
            }
        }
    });

    await test('the limits are those of the source', () => {
        const source = read(root, 'src/ngx_tgortc_validate.h');
        const { RoomId, Uid, DeviceType, MaxParticipants, CreateRoom }
            = document.components.schemas;
        const limit = name => define(source, `NGX_TGORTC_${name}`);

        assert.strictEqual(RoomId.maxLength, limit('ROOM_ID_MAX'));
        assert.strictEqual(CreateRoom.properties.room_id.maxLength,
            limit('ROOM_ID_MAX'));
        assert.strictEqual(Uid.maxLength, limit('UID_MAX'));
        assert.strictEqual(Uid['x-max-bytes'], limit('UID_MAX'));
        assert.strictEqual(DeviceType.maxLength, limit('DEVICE_MAX'));
        assert.strictEqual(DeviceType['x-max-bytes'], limit('DEVICE_MAX'));
        assert.strictEqual(MaxParticipants.minimum, limit('PARTICIPANTS_MIN'));
        assert.strictEqual(MaxParticipants.maximum, limit('PARTICIPANTS_MAX'));

        const list = document.paths['/api/v1/rooms'].get.parameters.find(
            parameter => parameter.name === 'limit').schema;
        const { RoomCursor, RoomPage, Calls } = document.components.schemas;

        assert.strictEqual(list.maximum, limit('LIMIT_MAX'));
        assert.strictEqual(RoomPage.properties.rooms.maxItems,
            limit('LIMIT_MAX'));
        assert.match(read(root, 'src/ngx_http_tgortc_rooms_list.c'),
            new RegExp(`^#define NGX_HTTP_TGORTC_LIST_LIMIT +"${list.default}"$`,
                'm'));
        assert(RoomCursor.pattern.includes(`{1,${limit('CURSOR_DIGITS')}}`));
        assert(RoomCursor.pattern.includes(`{1,${limit('ROOM_ID_MAX')}}`));
        assert.strictEqual(Calls.properties.participants.maxItems,
            limit('PARTICIPANTS_MAX'));
        assert.strictEqual(resolve(document,
            { $ref: '#/components/parameters/IdempotencyKey' }).schema.maxLength,
            limit('KEY_MAX'));

        const logs = read(root, 'src/ngx_http_tgortc_logs.c');
        const of_logs = name => define(logs, `NGX_HTTP_TGORTC_${name}`);
        const { Cleanup, Cursor, EventId, LogPage, Replay }
            = document.components.schemas;
        const page = document.paths['/api/v1/webhooks/logs'].get.parameters[0];

        assert.strictEqual(page.schema.maximum, of_logs('LOGS_LIMIT_MAX'));
        assert.strictEqual(LogPage.properties.data.properties.entries.maxItems,
            of_logs('LOGS_LIMIT_MAX'));
        assert.match(logs, new RegExp('^#define NGX_HTTP_TGORTC_LOGS_LIMIT +"'
            + page.schema.default + '"$', 'm'));
        assert.strictEqual(Cleanup.properties.retention_days.maximum,
            of_logs('DAYS_MAX'));
        assert.strictEqual(EventId.maxLength, of_logs('EVENT_ID_MAX'));
        assert.strictEqual(EventId['x-max-bytes'], of_logs('EVENT_ID_MAX'));
        assert.match(logs, new RegExp('^#define NGX_HTTP_TGORTC_TIME_MAX +'
            + Replay.properties.since.maximum + '\\.0$', 'm'));
        assert.strictEqual(Replay.properties.until.maximum,
            Replay.properties.since.maximum);
        assert(Cursor.pattern.includes(`{1,${of_logs('CURSOR_DIGITS')}}`));
    });

    await test('the events are those of the source', () => {
        const source = read(root, 'src/ngx_http_tgortc_event.c');
        const names = quoted(source.match(/event_names\[\] = \{[^}]*\}/)[0],
            'ngx_string\\(');

        assert.strictEqual(names.length, 8);
        assert.deepStrictEqual(Object.keys(document.webhooks), names);

        const { EventType, CountsByEvent } = document.components.schemas;

        assert.deepStrictEqual(EventType.enum, names);
        assert.deepStrictEqual(Object.keys(CountsByEvent.properties), names);
        assert.deepStrictEqual(CountsByEvent.required, names);
    });

    await test('an event has the headers and the query of the source', () => {
        const source = read(root, 'src/ngx_http_tgortc_event.c');
        const headers = quoted(source, 'event_header\\(pool, hr,').filter(
            name => !['Content-Type', 'User-Agent'].includes(name));
        const query = source.match(/"%V%s(\w+)=%s&(\w+)=%s"/).slice(1);

        for (const [name, operation] of events(document)) {
            const parameters = operation.parameters.map(
                parameter => resolve(document, parameter));
            const of_kind = kind => parameters.filter(
                parameter => parameter.in === kind);

            assert.deepStrictEqual(of_kind('query').map(p => p.name), query);
            assert.deepStrictEqual(of_kind('header').map(p => p.name), headers);
            assert.deepStrictEqual(of_kind('header').filter(p => !p.required)
                .map(p => p.name), SIGNED);

            for (const parameter of parameters) {
                if (/event.type/i.test(parameter.name)) {
                    assert.strictEqual(parameter.example, name);
                    assert.strictEqual(parameter.schema.const, name);
                }
            }
        }
    });

    await test('an event has the body of the source', () => {
        const source = read(root, 'src/ngx_http_tgortc_event.c')
            .match(/\nngx_http_tgortc_event_body\([^]*?\n\}/)[0];
        const keys = quoted(source, 'write_\\w+\\(&w,');
        const room = keys.slice(0, keys.indexOf('uid'));
        const more = {
            'participant.invited': ['uid', 'invited_uids'],
            'participant.joined': ['uid', 'device_type'],
            'participant.missed': ['uid', 'missed_uids']
        };

        assert.strictEqual(room.length, 10);
        assert.match(source, /"invited_uids" : "missed_uids"/);

        for (const [name, operation] of events(document)) {
            const schema = resolve(document, operation.requestBody
                .content['application/json'].schema);
            const wanted = [...room, ...(more[name]
                || (name.startsWith('room.') ? [] : ['uid']))];

            assert.deepStrictEqual(Object.keys(schema.properties), wanted,
                name);
            assert.deepStrictEqual(schema.required,
                wanted.filter(key => key !== 'device_type'), name);
        }
    });

    await test('a replay is of an id, or of a time', () => {
        const { Replay } = document.components.schemas;

        for (const body of [{}, { since: 1 }, { until: 1 }, { event_id: '' },
            { event_id: 5 }, { since: -1, until: 1 }])
        {
            assert(check(Replay, body), JSON.stringify(body));
        }

        conforms(Replay, { event_id: 'a-1' }, 'an id');
        conforms(Replay, { since: 0, until: 0 }, 'a time');
    });

    await test('values past the limits do not conform', () => {
        const { schemas } = document.components;
        const room_id = schemas.CreateRoom.properties.room_id;

        for (const value of ['.', '..', 'sync', 'a b', 'a/b', 'é',
            'a'.repeat(65)])
        {
            assert(check(schemas.RoomId, value), `room_id ${value}`);
            assert(check(room_id, value), `room_id ${value}`);
        }

        assert(check(schemas.RoomId, ''));
        conforms(room_id, '', 'empty room_id');

        for (const value of ['...', 'a~b:c@d.e-f_g', 'Sync', 'a'.repeat(64)]) {
            conforms(schemas.RoomId, value, `room_id ${value}`);
            conforms(room_id, value, `room_id ${value}`);
        }

        for (const value of ['', 'a\0', 'a\nb', '\x7f', '\x9f',
            'a'.repeat(129)])
        {
            assert(check(schemas.Uid, value), JSON.stringify(value));
            assert(check(schemas.DeviceType, value), JSON.stringify(value));
        }

        conforms(schemas.Uid, '用户 1', 'uid');

        for (const value of [1, 1001, 2.5, '2']) {
            assert(check(schemas.MaxParticipants, value), String(value));
        }

        for (const value of [-1, 2, true, '0']) {
            assert(check(schemas.RtcType, value), String(value));
        }

        assert(check(schemas.Invite, { uids: [] }));
        assert(check(schemas.Join, {}));
        assert(check(schemas.Empty, { room_id: 'room_abc123' }));
    });
}


async function page_tests() {
    await test('the page has every file that it names', () => {
        const html = read(swagger, 'index.html');
        const css = ['swagger-ui.css', 'index.css'].map(
            name => read(swagger, name)).join('\n');
        const links = [
            ...html.matchAll(/\b(?:href|src)="([^"]*)"/g),
            ...css.matchAll(/\burl\(\s*["']?([^"')]*)/g),
            ...css.matchAll(/sourceMappingURL=(\S+)/g),
            ...read(swagger, 'swagger-ui-bundle.js')
                .matchAll(/^\/\/# sourceMappingURL=(\S+)/gm),
            ...read(swagger, 'initializer.js')
                .matchAll(/\burl: "([^"]*)"/g)
        ].map(match => match[1]).filter(link => !link.startsWith('data:'));

        assert(links.length >= 7, links.join(' '));

        for (const link of links) {
            assert.doesNotMatch(link, /^\w+:|^\//);
            assert(fs.statSync(path.join(swagger, link)).isFile(), link);
        }
    });

    await test('the page has no script or style of its own in it', () => {
        const html = read(swagger, 'index.html');

        assert.doesNotMatch(html, /<style|\son\w+=|\sstyle=|javascript:/i);
        assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/i);
        assert.match(html, /<title>TgoRTC API<\/title>/);
    });

    await test('the page is set up to try things out', () => {
        let given;

        new Function('window', 'SwaggerUIBundle', read(swagger,
            'initializer.js'))({}, options => { given = options; });

        assert.deepStrictEqual(given, {
            url: '../openapi.json',
            dom_id: '#swagger-ui',
            deepLinking: true,
            tryItOutEnabled: true,
            displayRequestDuration: true,
            validatorUrl: null
        });
    });

    await test('the repository has no packages and no lock file', () => {
        for (const name of ['node_modules', 'package-lock.json']) {
            assert(!fs.existsSync(path.join(root, name)), name);
            assert(!fs.existsSync(path.join(root, 'docs', name)), name);
        }
    });
}


(async () => {
    await test('docs/pages.sh makes the pages', () => {
        const made = spawnSync(path.join(root, 'docs/pages.sh'), [build],
            { encoding: 'utf8' });

        assert.strictEqual(made.status, 0, made.stderr || String(made.error));
    });

    if (failed) {
        console.log('Bail out! there are no pages');
        process.exit(1);
    }

    await document_tests(installed('yaml').parse(
        read(root, 'docs/openapi.yaml')));
    await page_tests();

    console.log(`1..${count}`);
    process.exitCode = failed ? 1 : 0;
})();
