// Copyright (C) TgoRTC contributors
//
// Others judge our webhooks: what LiveKit's SDK signs and accepts we accept,
// what it refuses we refuse; what we sign the library of Standard Webhooks
// accepts.

import { spawnSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// this file runs from the build directory, where npm has put the SDKs too

const require = createRequire(new URL('../npm/package.json', import.meta.url));
const { AccessToken, WebhookReceiver } = require('livekit-server-sdk');
const { Webhook } = require('standardwebhooks');

const program = fileURLToPath(new URL('webhook_print', import.meta.url));
const bodies = new URL('livekit/', import.meta.url);
const now = Math.floor(Date.now() / 1000);

const key = 'devkey';
const secret = 'a secret of thirty-two characters';

// ngx_tgortc_verify_e

const OK = 0;
const ALGORITHM = 3;
const ISSUER = 4;
const SIGNATURE = 5;
const EXPIRED = 7;
const NO_HASH = 9;
const HASH = 10;

let tests = 0;
let failures = 0;

function ok(pass, name, detail) {
    tests++;
    failures += pass ? 0 : 1;
    console.log(`${pass ? 'ok' : 'not ok'} ${tests} - ${name}`);

    if (!pass && detail !== undefined) {
        console.log(`# ${JSON.stringify(detail)}`);
    }
}

function print(...args) {
    const run = spawnSync(program, args.map(String), { encoding: 'utf8' });

    if (run.status !== 0) {
        throw new Error(`webhook_print failed: ${run.stderr}`);
    }

    return run.stdout.trim().split('\n');
}

function ours(token, body, at = now) {
    return Number(print('verify', token, body, key, secret, at)[0]);
}

async function theirs(token, body) {
    try {
        await new WebhookReceiver(key, secret).receive(body, token);
        return true;

    } catch (error) {
        return false;
    }
}

function token(body, change = {}) {
    const g = { key, secret, ttl: 300, ...change };
    const signed = new AccessToken(g.key, g.secret, { ttl: g.ttl });

    if (body !== null) {
        signed.sha256 = createHash('sha256').update(body).digest('base64');
    }

    return signed.toJwt();
}

function unsigned(jwt, alg) {
    const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');

    return `${header}.${jwt.split('.')[1]}.`;
}

for (const name of readdirSync(bodies).sort()) {
    const body = readFileSync(new URL(name, bodies), 'utf8');
    const jwt = await token(body);

    ok(ours(jwt, body) === OK && await theirs(jwt, body), `accepted: ${name}`,
       ours(jwt, body));
    ok(ours(jwt, body + ' ') === HASH && !await theirs(jwt, body + ' '),
       `refused with another body: ${name}`);
}

const body = '{"event":"room_started","id":"EV_é😀\\/"}';
const valid = await token(body);

const refused = {
    'another secret': [await token(body, { secret: 'another' }), SIGNATURE],
    'another issuer': [await token(body, { key: 'another' }), ISSUER],
    'no hash': [await token(null), NO_HASH],
    'hash of another body': [await token('{}'), HASH],
    'expired': [await token(body, { ttl: -70 }), EXPIRED],
    'alg none': [unsigned(valid, 'none'), ALGORITHM],
    'no signature': [unsigned(valid, 'HS256'), SIGNATURE],
};

ok(ours(valid, body) === OK && await theirs(valid, body),
   'accepted: a body that is not ASCII');

for (const [name, [jwt, code]] of Object.entries(refused)) {
    ok(ours(jwt, body) === code && !await theirs(jwt, body),
       `refused: ${name}`, ours(jwt, body));
}

ok(ours(valid, body, now + 290) === OK && ours(valid, body, now + 380)
   === EXPIRED, 'refused: a token repeated after its time');

const secrets = {
    'whsec_': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'whsec_ with padding': `whsec_${Buffer.alloc(64, 0xfb).toString('base64')}`,
    'raw': 'a secret of our own',
    'raw, not ASCII': 'é"\\用户😀',
    'raw, looks like base64': 'c2VjcmV0c2VjcmV0',
};

for (const [name, value] of Object.entries(secrets)) {
    const webhook = value.startsWith('whsec_')
        ? new Webhook(value) : new Webhook(Buffer.from(value),
                                           { format: 'raw' });
    const id = '5f0c1f0e-6a8f-4d57-9d0c-2b6d0c7d6f11';
    const [v1, hex] = print('sign', value, id, now, body);

    const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(now),
        'webhook-signature': v1,
    };

    let accepted = true;

    try {
        webhook.verify(body, headers);

    } catch (error) {
        accepted = error.message;
    }

    ok(accepted === true, `Standard Webhooks accepts: ${name}`, accepted);
    ok(webhook.sign(id, new Date(now * 1000), body) === v1,
       `Standard Webhooks signs the same: ${name}`, v1);
    ok(createHmac('sha256', value).update(body).digest('hex') === hex,
       `X-Signature: ${name}`, hex);

    const [other] = print('sign', 'another secret', id, now, body);

    accepted = true;

    try {
        webhook.verify(body, { ...headers,
                               'webhook-signature': `${other} ${v1}` });

    } catch (error) {
        accepted = error.message;
    }

    ok(accepted === true, `with another signature before it: ${name}`,
       accepted);

    try {
        webhook.verify(body, { ...headers, 'webhook-signature': other });
        accepted = true;

    } catch (error) {
        accepted = false;
    }

    ok(!accepted, `refused under another secret: ${name}`);
}

console.log(`1..${tests}`);
process.exitCode = failures === 0 ? 0 : 1;
