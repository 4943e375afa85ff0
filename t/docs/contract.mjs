/*
 * Copyright (C) TgoRTC contributors
 *
 * Holds the server to docs/openapi.yaml, for contract.t that starts it.  What
 * is sent comes from the schemas of the document, operation by operation; each
 * answer has to be documented: its status, headers and media type, and its
 * body without a field too many.
 *
 * An operation that is added to the document is covered by that, or fails here
 * with what is missing: a status that nothing provokes, a keyword of JSON
 * Schema for which no values are made, a way to authenticate.
 */

import assert from 'node:assert';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { DOCUMENTS, NUMBERS, TEXTS, generator, random } from './generate.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)),
    '../..');
const build = path.resolve(process.env.BUILD || path.join(root, 'build'));
const installed = createRequire(path.join(build, 'pages/package.json'));
const Ajv = installed('ajv/dist/2020').default;
const formats = installed('ajv-formats').default;
const document = installed('yaml').parse(
    fs.readFileSync(path.join(root, 'docs/openapi.yaml'), 'utf8'));

const seed = Number(process.env.CONTRACT_SEED ?? 1);
const COUNT = Number(process.env.CONTRACT_COUNT ?? 60);
const dice = random(seed);

const PORTS = Object.fromEntries(process.env.CONTRACT_PORTS.split(' ').map(
    pair => pair.split('=')));
const [LIVEKIT_KEY, LIVEKIT_SECRET] = process.env.CONTRACT_LIVEKIT.split(' ');
const API = '/api/v1/rooms';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS',
    'PROPFIND'];

const PREFIXES = {
    'en-US': 'Parameter error: ',
    'zh-CN': '参数错误：',
    'zh-TW': '參數錯誤：',
    'fr-FR': 'Paramètre invalide : ',
    'ja-JP': 'パラメータエラー：'
};

/* what the schemas cannot say about a request that they take */

const different = (uids, but) => new Set(
    (uids ?? []).filter(uid => uid !== but)).size;

const RULES = {
    createRoom: ({ body }) => different(body.uids, body.creator)
        < (body.max_participants ?? 2),
    inviteParticipants: ({ body }) => different(body.uids) <= 1000,
    cancelInvitations: ({ body }) => different(body.uids) <= 1000,
    listRooms: ({ query }) => query.state !== 'ended'
        || !('creator' in query || 'uid' in query)
};

/* nothing provokes these: they say that something is broken */

const UNSEEN = ['500'];

/* "One call" of the document's description: operation, example of its body */

const STORY = [['createRoom', 'call'], ['syncRooms'], ['joinRoom', 'callee'],
    ['getRoom'], ['leaveRoom', 'callee'], ['createRoom', 'group'],
    ['inviteParticipants', 'one'], ['cancelInvitations', 'one'], ['endRoom']];


/* --- the document */

function resolve(pointer) {
    return pointer.slice(2).split('/').reduce((node, key) =>
        node[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
}

function followed(node) {
    return node.$ref ? followed(resolve(node.$ref)) : node;
}

/* where a node is that may be a reference */

function place(pointer) {
    const { $ref } = resolve(pointer);

    return $ref ? place($ref) : pointer;
}

function escaped(key) {
    return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/* the same, with no property but those that are documented */

function strict(node) {
    if (node === null || typeof node !== 'object') {
        return node;
    }

    if (Array.isArray(node)) {
        return node.map(strict);
    }

    const copy = Object.fromEntries(Object.entries(node).map(
        ([key, value]) => [key, strict(value)]));

    return typeof node.properties === 'object' && node.type
        ? { unevaluatedProperties: false, ...copy } : copy;
}

function judge(schemas) {
    const ajv = new Ajv({ strict: false, validateSchema: false });
    const compiled = new Map();

    formats(ajv);
    ajv.addKeyword({ keyword: 'x-max-bytes', type: 'string',
        validate: (limit, text) => Buffer.byteLength(text) <= limit });
    ajv.addSchema(schemas, 'document:');

    /* a pointer, or a schema of the document */

    return (schema, value) => {
        let validate = compiled.get(schema);

        if (!validate) {
            const text = typeof schema === 'string'
                ? JSON.stringify({ $ref: schema }) : JSON.stringify(schema);

            validate = ajv.compile(JSON.parse(
                text.replaceAll('"$ref":"#', '"$ref":"document:#')));
            compiled.set(schema, validate);
        }

        return validate(value) ? null : ajv.errorsText(validate.errors);
    };
}

const faults = judge(document);
const strict_faults = judge(strict(document));
const is_valid = (schema, value) => faults(schema, value) === null;
const make = generator(resolve, is_valid, dice);

const operations = Object.entries(document.paths).flatMap(
    ([route, item]) => Object.entries(item).map(([method, operation]) => {
        const content = Object.entries(operation.requestBody?.content ?? {});

        assert(METHODS.includes(method.toUpperCase()), `${route} ${method}`);
        assert(content.length <= 1, `${route} has one media type`);

        return {
            id: operation.operationId,
            route,
            method: method.toUpperCase(),
            pointer: `#/paths/${escaped(route)}/${method}`,
            responses: operation.responses,
            schemes: (operation.security ?? document.security).flatMap(
                Object.keys),
            parameters: (operation.parameters ?? []).map(followed).filter(
                parameter => !/^(x-language|lang|accept-language)$/i.test(
                    parameter.name)),
            media: content[0]?.[0],
            schema: content[0]?.[1].schema,
            examples: Object.entries(content[0]?.[1].examples ?? {}).map(
                ([name, example]) => [name, example.value])
        };
    }));

function operation_of(id) {
    return operations.find(operation => operation.id === id);
}


/* --- requests */

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let sent = 0;

function send({ port = 'open', method, path: target, headers = {}, body,
    once })
{
    sent++;

    return new Promise((done, fail) => {
        const request = http.request({ host: '127.0.0.1', port: PORTS[port],
            method, path: target, headers, agent: once ? false : agent },
        response => {
            const chunks = [];

            response.on('error', fail);
            response.on('data', chunk => chunks.push(chunk));
            response.on('end', () => {
                done({ status: response.statusCode, headers: response.headers,
                    body: Buffer.concat(chunks) });

                if (once) {
                    request.destroy();
                }
            });
        });

        request.setTimeout(20000, () => request.destroy(
            new Error('no answer')));
        request.on('error', fail);

        if (once) {
            request.flushHeaders();

        } else {
            request.end(body);
        }
    });
}

function base64url(data) {
    return Buffer.from(data).toString('base64url');
}

/* what LiveKit puts into Authorization */

function signed(body) {
    const now = Math.floor(Date.now() / 1000);
    const token = `${base64url('{"alg":"HS256","typ":"JWT"}')}.`
        + base64url(JSON.stringify({ iss: LIVEKIT_KEY, nbf: now,
            exp: now + 300,
            sha256: crypto.createHash('sha256').update(body).digest('base64')
        }));

    return `${token}.${crypto.createHmac('sha256', LIVEKIT_SECRET)
        .update(token).digest('base64url')}`;
}

const CREDENTIALS = {
    apiKey: () => `Bearer ${process.env.CONTRACT_KEY}`,
    livekit: signed
};

function authorization(operation, body) {
    const [scheme] = operation.schemes;

    assert(!scheme || CREDENTIALS[scheme], `no credentials for "${scheme}"`);

    return scheme ? { Authorization: CREDENTIALS[scheme](body) } : {};
}

/* the examples of the document, or values that its schemas take */

function base(operation) {
    const values = { path: {}, query: {}, header: {} };

    for (const parameter of operation.parameters) {
        assert(values[parameter.in], `a parameter in "${parameter.in}"`);

        if (parameter.required || 'example' in parameter) {
            values[parameter.in][parameter.name] = parameter.example
                ?? make.valid(parameter.schema, 0);
        }
    }

    if (operation.schema) {
        values.body = operation.examples[0]?.[1]
            ?? make.valid(operation.schema, 0);
    }

    return values;
}

/* a way to ask for a language, and the language that it asks for */

function language() {
    const tag = dice.pick(Object.keys(PREFIXES));
    const other = dice.pick(Object.keys(PREFIXES));

    return dice.pick([
        { tag: 'en-US', query: {}, header: {} },
        { tag, query: {}, header: { 'X-Language': tag } },
        { tag, query: { lang: other }, header: { 'X-Language': tag } },
        { tag, query: { lang: tag }, header: { 'Accept-Language': other } },
        { tag, query: { lang: tag }, header: { 'X-Language': 'tlh' } },
        { tag, query: {}, header: { 'Accept-Language': `${tag};q=0.9, tlh` } }
    ]);
}

function encoded(text) {
    return Buffer.isBuffer(text)
        ? text.toString('hex').replace(/../g, '%$&') : encodeURIComponent(text);
}

async function ask(operation, values, options = {}) {
    const asked = options.language ?? { query: {}, header: {} };
    const body = values.raw ?? (operation.schema
        ? JSON.stringify(values.body) : undefined);
    const query = Object.entries({ ...values.query, ...asked.query }).map(
        ([name, value]) => `${name}=${encoded(value)}`).join('&');
    const target = operation.route.replace(/\{(\w+)\}/g,
        (_, name) => encoded(values.path[name]))
        + (options.tail ?? '') + (query ? `?${query}` : '');

    const request = {
        port: options.port,
        method: options.method ?? operation.method,
        path: target,
        headers: {
            ...operation.media ? { 'Content-Type': operation.media } : {},
            ...authorization(operation, body ?? ''),
            ...values.header, ...asked.header, ...options.headers
        },
        body,
        once: options.once
    };

    if (body !== undefined && !options.once) {
        request.headers['Content-Length'] = Buffer.byteLength(body);
    }

    const answer = await send(request);

    answer.request = request;

    return answer;
}

function told({ request, status, body }) {
    return `${request.method} ${request.path.slice(0, 300)} ${
        String(request.body ?? '').slice(0, 300)} ${
        JSON.stringify(request.headers)}: ${status} ${
        body.toString().slice(0, 500)}`;
}


/* --- answers */

const seen = Object.fromEntries(operations.map(
    operation => [operation.id, new Set()]));

/* as the schema has it, of what arrives as text */

function coerced(schema, text) {
    const { type } = make.whole(schema);

    return type === 'integer' && /^-?(0|[1-9]\d{0,15})$/.test(text)
        ? Number(text) : text;
}

/* throws where the answer is not as documented */

function conforms(operation, answer) {
    const { status, headers, body } = answer;

    assert(operation.responses[status], `undocumented status, ${told(answer)}`);
    seen[operation.id].add(String(status));

    const pointer = place(`${operation.pointer}/responses/${status}`);
    const documented = resolve(pointer);

    for (const [name, described] of Object.entries(documented.headers ?? {})) {
        const value = headers[name.toLowerCase()];
        const { schema, example } = followed(described);

        assert(value !== undefined, `no ${name}, ${told(answer)}`);
        assert.strictEqual(faults(schema, coerced(schema, value)), null,
            `${name}: ${value}, ${told(answer)}`);

        if (name === 'Allow') {
            assert.strictEqual(value, example, told(answer));
        }
    }

    if (!documented.content) {
        assert.strictEqual(body.length, 0, told(answer));
        return;
    }

    const [media] = Object.keys(documented.content);

    assert.strictEqual(headers['content-type'], media, told(answer));

    if (answer.request.method === 'HEAD') {
        assert.strictEqual(body.length, 0, told(answer));
        return;
    }

    const value = media === 'application/json' ? JSON.parse(body)
        : body.toString();

    assert.strictEqual(strict_faults(
        `${pointer}/content/${escaped(media)}/schema`, value), null,
        told(answer));

    if (status >= 400) {
        assert.strictEqual(value.code, status, told(answer));
    }
}

/* the messages in a language that the document shows for a status */

function shown(operation, status, tag) {
    const { content } = followed(operation.responses[status]);

    return Object.entries(content['application/json'].examples).filter(
        ([name]) => (name in PREFIXES ? name : 'en-US') === tag).map(
        ([, example]) => example.value.message);
}

/* the message is in the language that was asked for */

function speaks(operation, answer, tag) {
    if (answer.status < 400 || answer.request.method === 'HEAD') {
        return;
    }

    const { message } = JSON.parse(answer.body);

    if (answer.status === 400) {
        assert(message.startsWith(PREFIXES[tag]), `${tag}, ${told(answer)}`);

    } else if (tag === 'en-US' && answer.status !== 409) {
        assert(shown(operation, answer.status, tag).includes(message),
            `no example of it, ${told(answer)}`);

    } else if (tag !== 'en-US') {
        assert(!message.startsWith('Busy in')
            && !shown(operation, answer.status, 'en-US').includes(message),
            `${tag}, ${told(answer)}`);
    }
}


/* --- calls that there are when a request comes */

const redis = net.connect(process.env.CONTRACT_REDIS);

function forget() {
    return new Promise((done, fail) => {
        redis.once('data', reply => /^\+OK\r\n\+OK/.test(reply) ? done()
            : fail(new Error(String(reply))));
        redis.write('SELECT 1\r\nFLUSHDB\r\n');
    });
}

async function create(room_id, creator, uids, more) {
    const answer = await send({ method: 'POST', path: API, body: JSON.stringify(
        { room_id, creator, device_type: 'app', max_participants: 10, uids,
            ...more }) });

    assert.strictEqual(answer.status, 200, answer.body.toString());
}

const WORLDS = {
    empty: () => {},
    live: id => create(id, 'user_001', ['user_002']),
    ended: async id => {
        await create(id, 'user_001', ['user_002']);
        await send({ method: 'POST', path: `${API}/${encoded(id)}/end` });
    },
    others: id => create(id, 'other', [], { invite_on: 1 }),
    full: id => create(id, 'other', ['another'], { max_participants: 2 }),
    busy: async id => {
        await create('elsewhere', 'user_002', ['user_001', 'user_003']);
        await create(id, 'other', []);
    }
};

const KINDS = Object.keys(WORLDS);

async function world(kind, values) {
    await forget();
    await WORLDS[kind](values.path.room_id ?? 'room_abc123');
}


/* --- what is sent */

/* segments that are another path */

function is_segment(operation, name, value) {
    return value !== '' && value !== '.' && value !== '..'
        && !value.includes('/') && !document.paths[
        operation.route.replace(`{${name}}`, value)];
}

/* lists of values: those to be taken, those to be refused */

function cases(operation) {
    const take = [];
    const refuse = [];
    const rule = RULES[operation.id] ?? (() => true);
    const sort = (good, values) => (good && rule(values) ? take : refuse)
        .push(values);

    for (const { in: where, name, schema, required } of operation.parameters) {
        const with_value = value => {
            const values = base(operation);

            values[where][name] = value;
            return values;
        };

        if (where !== 'path') {
            const values = base(operation);

            delete values[where][name];
            sort(!required, values);
        }

        for (const value of make.values(schema)) {
            if (value === null || typeof value === 'object') {
                continue;
            }

            const text = String(value);

            if (where === 'path' ? is_segment(operation, name, text)
                : where === 'query' || /^[\x21-\x7e]*$/.test(text))
            {
                sort(is_valid(schema, coerced(schema, text)),
                    with_value(text));
            }
        }

        const { pattern, 'x-max-bytes': bytes } = make.whole(schema);

        if (where !== 'header' && (pattern || bytes)) {
            refuse.push(with_value(Buffer.from('a\xff', 'latin1')),
                with_value(Buffer.from('\xed\xa0\x80', 'latin1')));
        }
    }

    if (operation.schema) {
        const bodies = make.values(operation.schema);

        for (let i = 0; i < COUNT; i++) {
            bodies.push(make.mixed(operation.schema));
        }

        for (const body of bodies) {
            sort(is_valid(operation.schema, body),
                { ...base(operation), body });
        }

        for (const raw of raw_bodies(operation)) {
            refuse.push({ ...base(operation), raw });
        }
    }

    /* nothing to choose from: the same again, in every world */

    while (take.length < KINDS.length) {
        take.push(base(operation));
    }

    return { take, refuse };
}

/* bodies that no JSON.stringify() makes */

function raw_bodies(operation) {
    const full = base(operation).body;
    const whole = JSON.stringify(full);
    const { properties } = make.whole(operation.schema);
    const put = (name, text) => {
        const [before, after] = JSON.stringify({ ...full, [name]: '@@' })
            .split('"@@"');

        return Buffer.concat([before, text, after].map(
            part => Buffer.from(part)));
    };

    const list = [...DOCUMENTS, whole.slice(0, -1), `${whole}x`,
        `${whole}${whole}`, `[${whole}]`, whole.replace('{', '{,'),
        ...TEXTS.map(text => put('unknown', text))];

    for (const [name, schema] of Object.entries(properties)) {
        const { type } = make.whole(schema);

        list.push(`${whole.slice(0, -1)},${JSON.stringify(name)}:${
            JSON.stringify(full[name] ?? 1)},${JSON.stringify(name)}:1}`);

        if (type === 'integer') {
            list.push(...NUMBERS.map(text => put(name, text)));

        } else if (type === 'string') {
            list.push(...TEXTS.map(text => put(name, text)));
        }
    }

    return list;
}

/*
 * LiveKit's events are read leniently, whoever names a track must not be able
 * to spoil one: what they mean is in t/live/livekit.t.
 */

function livekit_cases(operation) {
    const { take, refuse } = cases(operation);
    const is_json = ({ raw }) => {
        try {
            JSON.parse(raw);

            /* lone surrogates are JSON, and refused as what is not UTF-8 */

            return !/\\u[dD][89a-fA-F]/.test(raw);

        } catch {
            return false;
        }
    };

    return {
        take: [...take, ...refuse.filter(
            values => values.raw === undefined || is_json(values))],
        refuse: ['', ' ', '{', '}', 'x', '{"x"}'].map(
            raw => ({ ...base(operation), raw }))
    };
}


/* --- tests */

async function test(name, check) {
    try {
        await check();
        console.log(`ok - ${name}`);

    } catch (error) {
        console.log(`not ok - ${name}`);
        console.log(`seed ${seed}: ${error.stack}`);
    }
}

/* every one of a list is tried, the first ones that fail are told */

async function each(list, check) {
    const failures = [];

    for (const one of list) {
        try {
            await check(one);

        } catch (error) {
            if (!(error instanceof assert.AssertionError)) {
                throw error;
            }

            failures.push(error.message);
        }
    }

    assert(failures.length === 0, `${failures.length} of ${list.length}:\n${
        failures.slice(0, 12).join('\n')}`);
}

async function try_operation(operation) {
    const { id } = operation;
    const { take, refuse } = operation.schemes.includes('livekit')
        ? livekit_cases(operation) : cases(operation);
    let turn = 0;

    await test(`${id} takes what it has to, ${take.length} requests`,
    () => each(take, async values => {
        const asked = language();
        const kind = KINDS[turn++ % KINDS.length];

        await world(kind, values);

        const answer = await ask(operation, values, { language: asked });

        assert(answer.status !== 400 && answer.status < 500,
            `${kind}, ${told(answer)}`);
        conforms(operation, answer);
        speaks(operation, answer, asked.tag);
    }));

    await test(`${id} in every state of a call`, () => each(KINDS,
    async kind => {
        const values = base(operation);

        await world(kind, values);

        const answer = await ask(operation, values);

        assert(answer.status !== 400 && answer.status < 500,
            `${kind}, ${told(answer)}`);
        conforms(operation, answer);
        speaks(operation, answer, 'en-US');
    }));

    await test(`${id} refuses what it has to, ${refuse.length} requests`,
    () => each(refuse, async values => {
        const asked = language();
        const answer = await ask(operation, values, { language: asked });

        assert.strictEqual(answer.status, 400, told(answer));
        conforms(operation, answer);
        speaks(operation, answer, asked.tag);
    }));

    await test(`${id}, other methods`, () => {
        const item = Object.keys(document.paths[operation.route]).map(
            method => method.toUpperCase());
        const taken = item.includes('GET') ? [...item, 'HEAD'] : item;

        return each(METHODS.filter(method => !taken.includes(method)),
        async method => {
            const asked = language();
            const answer = await ask(operation, base(operation),
                { method, language: asked });

            assert.strictEqual(answer.status, 405, told(answer));
            conforms(operation, answer);
            speaks(operation, answer, asked.tag);
        });
    });

    if (operation.method === 'GET') {
        await test(`${id}, HEAD`, () => each(['live', 'empty'],
        async kind => {
            const values = base(operation);

            await world(kind, values);

            const [get, head] = [await ask(operation, values),
                await ask(operation, values, { method: 'HEAD' })];

            conforms(operation, head);
            assert.strictEqual(head.status, get.status);
        }));
    }

    await test(`${id}, what nginx and Redis refuse`, () => each([
        ['denied', 403], ['limited', 429],
        ['down', operation.responses['503'] ? 503 : 200]
    ], async ([port, status]) => {
        const asked = language();
        let answer = await ask(operation, base(operation),
            { port, language: asked });

        if (status === 429 && answer.status !== 429) {
            answer = await ask(operation, base(operation),
                { port, language: asked });
        }

        assert.strictEqual(answer.status, status, told(answer));
        conforms(operation, answer);

        if (status !== 200) {
            speaks(operation, answer, asked.tag);
        }
    }));

    if (operation.schemes.length) {
        await test(`${id}, credentials`, () => each([undefined, '', 'Bearer',
            'Bearer wrong', 'Basic The-Key', 'Bearer a.b.c'],
        async given => {
            const asked = language();
            const answer = await ask(operation, base(operation), {
                port: 'key', language: asked,
                headers: { Authorization: given ?? [] } });

            assert.strictEqual(answer.status, 401, told(answer));
            conforms(operation, answer);

            const right = await ask(operation, base(operation),
                { port: 'key' });

            assert.notStrictEqual(right.status, 401, told(right));
        }));
    }

    if (operation.responses['422']) {
        await test(`${id}, a key that came with another request`, async () => {
            const values = base(operation);
            const headers = { 'Idempotency-Key': 'one' };

            await world('empty', values);
            await send({ method: 'POST', path: `${API}/room_abc123/leave`,
                headers, body: '{"uid":"user_009"}' });

            const asked = language();
            const answer = await ask(operation, values,
                { headers, language: asked });

            assert.strictEqual(answer.status, 422, told(answer));
            conforms(operation, answer);
            speaks(operation, answer, asked.tag);
        });
    }

    if (operation.method !== 'GET') {
        await test(`${id}, a body that is too large`, async () => {
            const answer = await ask(operation, base(operation), { once: true,
                headers: { 'Content-Length': 5 * 1048576 } });

            assert.strictEqual(answer.status, 413, told(answer));
            conforms(operation, answer);
        });
    }

    await test(`${id}, every documented status was seen`, () => {
        const missing = Object.keys(operation.responses).filter(
            status => !UNSEEN.includes(status) && !seen[id].has(status));

        assert.deepStrictEqual(missing, []);
    });
}


/* --- paths that there are not */

async function try_paths() {
    const conf = fs.readFileSync(process.env.CONTRACT_CONF, 'utf8');
    const exact = [...conf.matchAll(/^location = (\S+)/gm)].map(
        match => match[1]);

    await test('unknown paths', () => each(operations.filter(
        operation => !exact.includes(operation.route)).flatMap(
        operation => ['/', '/nope', '/nope/nope', '/%2e%2e%2e'].map(
            tail => [operation, tail])),
    async ([operation, tail]) => {
        const asked = language();
        const answer = await ask(operation, base(operation),
            { tail, language: asked });
        const { pathname } = new URL(answer.request.path, 'http://localhost');

        /* below /rooms anything may be a room id */

        if (/^\/api\/v1\/rooms\/[^/]+$/.test(pathname)) {
            return;
        }

        assert.strictEqual(answer.status, 404, told(answer));
        assert.strictEqual(answer.headers['content-type'], 'application/json');
        assert.strictEqual(strict_faults('#/components/schemas/Error',
            JSON.parse(answer.body)), null, told(answer));
    }));
}


/* --- examples */

async function send_example(operation, name) {
    const values = base(operation);

    if (operation.schema) {
        values.body = Object.fromEntries(operation.examples)[name];
    }

    const answer = await ask(operation, values);

    assert.strictEqual(answer.status, 200, `${name}, ${told(answer)}`);
    conforms(operation, answer);
}

async function try_examples() {
    await test('the story of the document, told by its examples', async () => {
        await forget();

        for (const [id, name] of STORY) {
            await send_example(operation_of(id), name);
        }
    });

    const rooms = operation_of('createRoom').examples;

    for (const operation of operations) {
        await test(`${operation.id}, every example is answered 200`, () => each(
            operation.schema ? operation.examples.map(([name]) => name)
                : [undefined],
        async name => {
            const { room_id } = base(operation).path;

            await forget();

            if (room_id) {
                await send_example(operation_of('createRoom'), rooms.find(
                    ([, body]) => body.room_id === room_id)[0]);
            }

            await send_example(operation, name);
        }));
    }
}


/* --- webhooks, and the logs of them */

const hooks = [];

const endpoint = http.createServer((request, response) => {
    const chunks = [];

    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
        const body = Buffer.concat(chunks);
        const { room_id } = JSON.parse(body);

        hooks.push({ url: new URL(request.url, 'http://localhost'), body,
            headers: request.headers, method: request.method });
        response.writeHead(room_id.startsWith('gone') ? 410
            : room_id.startsWith('fail') ? 500 : 204).end();
    });
});

async function until(what, check) {
    const end = Date.now() + 20000;

    for ( ;; ) {
        const value = await check();

        if (value) {
            return value;
        }

        assert(Date.now() < end, `waiting for ${what}`);
        await sleep(20);
    }
}

async function call(id, values, status = 200) {
    const operation = operation_of(id);
    const answer = await ask(operation, { ...base(operation), ...values },
        { port: 'events' });

    assert.strictEqual(answer.status, status, told(answer));
    conforms(operation, answer);

    return answer.body.length ? JSON.parse(answer.body) : null;
}

/* LiveKit tells that somebody is connected */

function connected(room_id, identity) {
    return call('livekitWebhook', { body: {
        event: 'participant_joined',
        room: { sid: `RM_${room_id}`, name: room_id },
        participant: { sid: `PA_${room_id}_${identity}`, identity,
            state: 'ACTIVE', metadata: '{"device_type":"web"}',
            joinedAtMs: String(Date.now()) },
        id: `EV_${room_id}_${identity}`
    } });
}

async function make_events() {
    const start = (room_id, n = 2) => call('createRoom', { body: {
        creator: `${room_id}_a`, device_type: 'app', room_id,
        uids: [`${room_id}_b`], max_participants: n } });
    const leave = (room_id, who) => call('leaveRoom', {
        path: { room_id }, body: { uid: `${room_id}_${who}` } });

    await start('answered');
    await connected('answered', 'answered_a');
    await call('joinRoom', { path: { room_id: 'answered' },
        body: { uid: 'answered_b', device_type: 'web' } });
    await connected('answered', 'answered_b');
    await leave('answered', 'b');

    await start('rejected');
    await leave('rejected', 'b');

    await start('cancelled');
    await leave('cancelled', 'a');

    await start('missed');

    for (const room_id of ['gone', 'fail']) {
        await start(room_id);
        await call('endRoom', { path: { room_id } });
    }
}

function webhook_conforms({ url, headers, body, method }) {
    const type = headers['x-event-type'];
    const at = `${type} ${url} ${JSON.stringify(headers)} ${body}`;
    const pointer = `#/webhooks/${escaped(type)}/post`;

    assert(document.webhooks[type], at);

    const { parameters, requestBody } = resolve(pointer);
    const known = parameters.map(followed);
    const given = {
        query: Object.fromEntries(url.searchParams),
        header: headers
    };

    for (const { in: where, name, schema, required } of known) {
        const value = given[where][where === 'query' ? name
            : name.toLowerCase()];

        /* the endpoint has a secret: everything is there */

        assert(value !== undefined || !required, `${name}, ${at}`);
        assert(value !== undefined, `${name}, ${at}`);
        assert.strictEqual(faults(schema, coerced(schema, value)), null,
            `${name}, ${at}`);
    }

    const names = where => known.filter(
        parameter => parameter.in === where).map(
        parameter => parameter.name.toLowerCase());
    const usual = ['host', 'accept', 'content-length', 'content-type',
        'user-agent', 'connection'];

    assert.deepStrictEqual(Object.keys(headers).filter(
        name => !usual.includes(name) && !names('header').includes(name)), [],
    at);
    assert.deepStrictEqual(Object.keys(given.query).filter(
        name => name !== 'tenant' && !names('query').includes(name)), [], at);
    assert.strictEqual(given.query.tenant, '1', at);

    const [media] = Object.keys(requestBody.content);

    assert.strictEqual(method, 'POST', at);
    assert.strictEqual(headers['content-type'], media, at);
    assert.match(headers['user-agent'], /^TgoRTC/, at);
    assert.strictEqual(strict_faults(
        `${pointer}/requestBody/content/${escaped(media)}/schema`,
        JSON.parse(body)), null, at);

    const key = Buffer.from(process.env.CONTRACT_SECRET.slice(6), 'base64');

    assert.strictEqual(headers['webhook-signature'], `v1,${crypto
        .createHmac('sha256', key).update(`${headers['webhook-id']}.${
            headers['webhook-timestamp']}.${body}`).digest('base64')}`, at);
    assert.strictEqual(headers['x-signature'], crypto.createHmac('sha256',
        process.env.CONTRACT_SECRET).update(body).digest('hex'), at);
}

async function try_webhooks() {
    const types = Object.keys(document.webhooks);
    const list = query => call('listWebhookLogs', { query });
    let entries;

    await test('every event of the document arrives', async () => {
        await make_events();
        await until('events', () => types.every(type => hooks.some(
            hook => hook.headers['x-event-type'] === type)));
    });

    await test('events are as documented', () => each(hooks,
        webhook_conforms));

    await test('410 gives an event up, 500 does not', async () => {
        entries = await until('failures', async () => {
            const { data } = await list({ limit: 100 });

            return ['dead', 'failed'].every(kind => data.entries.some(
                entry => entry.kind === kind)) && data.entries;
        });

        assert(entries.every(({ kind, room_id }) =>
            room_id === (kind === 'dead' ? 'gone' : 'fail')));
    });

    await test('the log, page by page', async () => {
        const found = [];
        let cursor = '';

        do {
            const { data } = await list({ limit: 1, cursor,
                room_id: 'gone', endpoint: 'app' });

            found.push(...data.entries);
            cursor = data.next_cursor;
        } while (cursor !== null);

        assert(found.length >= 1);
        assert(found.every(entry => entry.room_id === 'gone'));
    });

    await test('counts', async () => {
        const { data } = await call('webhookStats', {});

        assert.strictEqual(data.total_count, data.success_count
            + data.failed_count + data.pending_count);
        assert.strictEqual(data.endpoints[0].name, 'app');
    });

    await test('a replay is the same event again', async () => {
        const { event_id } = entries.find(entry => entry.kind === 'dead');
        const of_it = () => hooks.filter(
            hook => hook.headers['x-event-id'] === event_id);
        const before = of_it().length;

        assert.deepStrictEqual(await call('replayWebhooks',
            { body: { event_id } }), { replayed: 1 });
        await until('a replay', () => of_it().length > before);
        webhook_conforms(of_it().at(-1));
        assert.deepStrictEqual(of_it().at(-1).body, of_it()[0].body);
    });
}


/* --- what is wrong is found */

async function try_checks() {
    const operation = operation_of('createRoom');

    await forget();

    const answer = await ask(operation, base(operation));
    const room = JSON.parse(answer.body);
    const changed = (value, more) => ({ ...answer, ...more,
        body: Buffer.from(JSON.stringify(value)) });

    await test('an answer that is not as documented is found', () => {
        conforms(operation, answer);

        for (const wrong of [
            changed({ ...room, secret: 1 }),
            changed({ ...room, status: '0' }),
            changed({ ...room, token: undefined }),
            changed(room, { status: 201 }),
            changed(room, { headers: {} }),
            changed({ code: 404, message: 'x' }, { status: 409 }),
            changed({ code: 405, message: 'x' }, { status: 405 })
        ]) {
            assert.throws(() => conforms(operation, wrong));
        }
    });
}


console.log(`seed ${seed}, ${operations.length} operations`);
endpoint.listen(PORTS.endpoint, '127.0.0.1');

await try_checks();

for (const operation of operations) {
    await test(`${operation.id}, what it says can be tried`, () => {
        base(operation);
        authorization(operation, '');
    });

    await try_operation(operation);
}

await try_paths();
await try_examples();
await try_webhooks();

console.log(`${sent} requests`);
endpoint.close();
endpoint.closeAllConnections();
agent.destroy();
redis.destroy();
