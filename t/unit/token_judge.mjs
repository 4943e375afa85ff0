// Copyright (C) TgoRTC contributors
//
// LiveKit's own SDK judges our tokens: it must accept them, and read in them
// exactly the claims that the grant is to give.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

// this file runs from the build directory, where npm has put the SDK too

const require = createRequire(new URL('../npm/package.json', import.meta.url));
const { TokenVerifier } = require('livekit-server-sdk');

const program = fileURLToPath(new URL('token_print', import.meta.url));
const now = Math.floor(Date.now() / 1000);

const usual = {
    key: 'devkey',
    secret: 'a secret of thirty-two characters',
    identity: 'alice',
    room: 'call-7f3a',
    device: 'app',
    video: 1,
    max: 2,
    now,
    ttl: 3600,
};

const accepted = {
    'video': {},
    'audio': { video: 0 },
    'group': { max: 1000 },
    'no device': { device: '' },
    'unicode identity': { identity: '用户😀 é' },
    'unicode device': { device: 'タブレット' },
    'quotes and backslashes': { identity: 'a"b\\c', device: 'x"\\"/y' },
    'room of all characters': { room: 'AZaz09_-.~:@' },
    'identity of 128 bytes': { identity: 'é'.repeat(64) },
    'long secret': { secret: 'é"\\'.repeat(100) },
    'base64 in the secret is not decoded': { secret: 'c2VjcmV0c2VjcmV0' },
};

const refused = {
    'expired': { now: now - 7200 },
    'not yet valid': { now: now + 7200 },
};

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

function sign(g) {
    const args = [g.key, g.secret, g.identity, g.room, g.device, g.video,
                  g.max, g.now, g.ttl].map(String);
    const run = spawnSync(program, args, { encoding: 'utf8' });

    if (run.status !== 0) {
        throw new Error(`token_print failed: ${run.stderr}`);
    }

    return run.stdout.trim();
}

function claims(g) {
    const video = {
        roomJoin: true,
        room: g.room,
        canPublish: true,
        canSubscribe: true,
        canPublishData: true,
    };

    if (!g.video) {
        video.canPublishSources = ['microphone'];
    }

    const all = {
        iss: g.key,
        sub: g.identity,
        nbf: g.now,
        iat: g.now,
        exp: g.now + g.ttl,
        video,
        roomConfig: { maxParticipants: g.max },
    };

    if (g.device !== '') {
        all.metadata = JSON.stringify({ device_type: g.device });
    }

    return all;
}

async function judge(token, g) {
    try {
        return await new TokenVerifier(g.key, g.secret).verify(token);

    } catch (error) {
        return { refused: error.message };
    }
}

for (const [name, change] of Object.entries(accepted)) {
    const grant = { ...usual, ...change };
    const read = await judge(sign(grant), grant);

    ok(isDeepStrictEqual({ ...read }, claims(grant)), `accepted: ${name}`,
       read);
}

for (const [name, change] of Object.entries(refused)) {
    const grant = { ...usual, ...change };
    const read = await judge(sign(grant), grant);

    ok('refused' in read, `refused: ${name}`, read);
}

const other = { ...usual, secret: 'another secret' };

ok('refused' in await judge(sign(usual), other), 'refused: another secret');
ok('refused' in await judge(sign(usual).replace('.', '.x'), usual),
   'refused: claims tampered with');

console.log(`1..${tests}`);
process.exitCode = failures === 0 ? 0 : 1;
