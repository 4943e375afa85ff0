/*
 * Copyright (C) TgoRTC contributors
 *
 * The documentation as its reader sees it, for swagger.t that starts the
 * server: swagger.mjs ORIGIN [API-KEY]
 */

import assert from 'node:assert';

import { open, test, violations } from './browser.mjs';

const [origin, key] = process.argv.slice(2);
const name = key ? 'swagger-key' : 'swagger';
const { page, faults, shot, close } = await open(origin);

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/* what axe finds wrong with Swagger UI itself */

const KNOWN = new RegExp('^(?:serious|critical) (?:color-contrast|label'
    + '|nested-interactive|scrollable-region-focusable|select-name): '
    + '|^(?:moderate|minor) ');


/* what stands there as [method, path or event, summary] */

async function blocks(within) {
    const list = await page.locator(`${within} .opblock`).evaluateAll(
        found => found.map(block => ['.opblock-summary-method',
            '.opblock-summary-path', '.opblock-summary-description'].map(
            part => block.querySelector(part).textContent
                .replaceAll('\u200b', '').trim())));

    return list.sort();
}

function operations(paths) {
    return Object.entries(paths).flatMap(([path, item]) => METHODS.filter(
        method => item[method]).map(method => [method.toUpperCase(), path,
        item[method].summary])).sort();
}

/* opens an operation, sends its example; the status and body of the answer */

async function execute(id, status) {
    const block = page.locator(`.opblock[id$="-${id}"]`);

    await block.locator('.opblock-summary-control').click();

    const try_it_out = block.getByRole('button', { name: 'Try it out' });
    const button = block.getByRole('button', { name: 'Execute' });

    await try_it_out.or(button).first().waitFor();

    if (await try_it_out.count()) {
        await try_it_out.click();
    }

    await button.click();

    const answer = block.locator('.live-responses-table .response').first();

    await answer.waitFor();

    const code = await answer.locator('.response-col_status').innerText();

    assert.strictEqual(parseInt(code, 10), status, await answer.innerText());

    return answer.locator('.response-col_description').innerText();
}


let document;

await test('the page opens', async () => {
    const answer = await page.goto(`${origin}/swagger/index.html`);

    assert.strictEqual(answer.status(), 200);
    await page.locator('.opblock').first().waitFor();
    document = await (await page.request.get(`${origin}/openapi.json`)).json();
    assert.match(await page.locator('.info .title').innerText(), /TgoRTC API/);
});

await test('every operation is there', async () => {
    const shown = await blocks('.swagger-ui');

    assert.deepStrictEqual(shown, [...operations(document.paths),
        ...operations(document.webhooks)].sort());
});

await shot(name);

if (key) {
    await test('the API key is asked for, and given', async () => {
        await page.getByRole('button', { name: 'Authorize' }).first().click();

        const dialog = page.locator('.dialog-ux');

        await dialog.locator('input').first().fill(key);
        await dialog.getByRole('button', { name: 'Apply credentials' }).first()
            .click();
        await dialog.getByRole('button', { name: 'Close' }).first().click();
    });
}

await test('"Create a room" makes a room', async () => {
    assert.match(await execute('createRoom', 200), /"room_id": "room_abc123"/);
});

await page.locator('.opblock[id$="-createRoom"] .live-responses-table')
    .scrollIntoViewIfNeeded();
await shot(`${name}-create`);

await test('the story goes on by "Execute"', async () => {
    assert.match(await execute('syncRooms', 200), /"room_id": "room_abc123"/);
    assert.match(await execute('joinRoom', 200), /"token": "ey/);
    assert.match(await execute('getRoom', 200), /"device_type": "web"/);
    await execute('leaveRoom', 200);
    await execute('health', 200);
});

if (!key) {
    await test('axe finds nothing but what is Swagger UI\'s own', async () => {
        await page.setViewportSize({ width: 320, height: 900 });

        const found = await violations(page);

        assert.deepStrictEqual(found.filter(text => !KNOWN.test(text)), []);
        await shot('swagger-320');
    });
}

await test('nothing in the console, nothing from another host', () => {
    assert.deepStrictEqual(faults, []);
});

await close();
