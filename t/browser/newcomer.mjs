/*
 * Copyright (C) TgoRTC contributors
 *
 * A first look at TgoRTC, for both newcomer.t that start the server:
 * newcomer.mjs ORIGIN WHAT-IS-SAID-OF-A-DEAD-BACKEND NAME-OF-SCREENSHOTS
 */

import assert from 'node:assert';

import { open, step, tell, until } from './browser.mjs';

const [origin, dead, name] = process.argv.slice(2);
const { page, faults, shot, close } = await open(origin);


/* a row of a section of the operator's page, by what is in it */

function row(section, ...texts) {
    return texts.reduce((rows, text) => rows.filter({ hasText: text }),
        page.locator(`#${section} tbody tr`)).first();
}

async function execute(id) {
    const block = page.locator(`.opblock[id$="-${id}"]`);
    const try_it_out = block.getByRole('button', { name: 'Try it out' });
    const button = block.getByRole('button', { name: 'Execute' });

    await block.locator('.opblock-summary-control').click();
    await try_it_out.or(button).first().waitFor();

    if (await try_it_out.count()) {
        await try_it_out.click();
    }

    await button.click();

    return block.locator('.live-responses-table .response')
        .first().locator('.response-col_status').innerText();
}

async function printed(pattern) {
    await until(async () => assert.match(await tell('printed'), pattern));
}


await step('Swagger UI is what is there', async () => {
    await page.goto(origin);
    await page.locator('.info .title').waitFor();
});

await step('a call is made by "Try it out"', async () => {
    assert.match(await execute('createRoom'), /^200/);
    await printed(/^webhook 1 participant\.invited .*room_abc123/m);
});

await step('it is on the operator\'s page', async () => {
    await page.goto(`${origin}/tgortc/`);
    await row('calls', 'room_abc123', 'Ringing').waitFor();
    assert.match(await row('calls', 'room_abc123').innerText(),
        /user_001.*user_002/s);
});

await step('the backend dies; the call is ended', async () => {
    assert.strictEqual(await tell('kill_backend'), 1);
    await row('calls', 'room_abc123').getByRole('button').click();
    await page.getByRole('button', { name: 'End the call' }).click();
    await row('endings', 'room_abc123', 'Cancelled').waitFor();
});

await step('the failure is seen, and that it was given up', async () => {
    await row('failures', 'room.finished', 'Failed attempt').waitFor();
    await row('failures', 'room.finished', dead).waitFor();
    await row('failures', 'room.finished', 'Dead letter').waitFor();
    await shot(`${name}-failure`, { fullPage: true });
});

await step('the backend is back; the event is sent again', async () => {
    await tell('start_backend');
    await row('failures', 'room.finished', 'Dead letter')
        .getByRole('button', { name: 'Replay' }).click();
    await printed(/^webhook 2 room\.finished .*room_abc123/m);
    await page.locator('.card', { hasText: /Given up\s*0/ }).waitFor();
    await shot(name, { fullPage: true });
});

await step('nothing in the console, nothing from another host', () => {
    assert.deepStrictEqual(faults, []);
});

await close();
