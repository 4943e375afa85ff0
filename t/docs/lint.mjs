/*
 * Copyright (C) TgoRTC contributors
 *
 * The API document under Redocly's recommended rules: neither an error nor a
 * warning.  BUILD names the build directory, where "make unit" puts packages.
 */

import assert from 'node:assert';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)),
    '../..');
const build = path.resolve(process.env.BUILD || path.join(root, 'build'));
const installed = createRequire(path.join(build, 'npm/package.json'));
const { createConfig, lintFromString } = await import(
    pathToFileURL(installed.resolve('@redocly/openapi-core')));

const source = fs.readFileSync(path.join(root, 'docs/openapi.yaml'), 'utf8');
const config = await createConfig({ extends: ['recommended'] });

let count = 0;


async function problems(text) {
    const found = await lintFromString({ source: text, config,
        absoluteRef: path.join(root, 'docs/openapi.yaml') });

    return found.map(({ ruleId, location, message }) =>
        `${ruleId} ${location[0]?.pointer ?? ''}: ${message}`);
}


async function test(name, check) {
    count++;

    try {
        await check();
        console.log(`ok ${count} - ${name}`);

    } catch (error) {
        console.log(`not ok ${count} - ${name}`);
        console.log(error.message.replace(/^/gm, '# '));
        process.exitCode = 1;
    }
}


await test('the document has no problem', async () => {
    assert.deepStrictEqual(await problems(source), []);
});

for (const [name, what, by] of [
    ['an operation without a summary', /^ +summary: Create a room\n/m, ''],
    ['a reference that leads nowhere', 'schemas/CreateRoom', 'schemas/Nobody'],
    ['two operations of one name', 'operationId: joinRoom',
        'operationId: leaveRoom'],
    ['an example that its schema refuses', /(\n +rtc_type: )1\n/, '$1two\n']
]) {
    await test(`${name} would be one`, async () => {
        const broken = source.replace(what, by);

        assert.notStrictEqual(broken, source);
        assert.notDeepStrictEqual(await problems(broken), []);
    });
}

console.log(`1..${count}`);
