/*
 * Copyright (C) TgoRTC contributors
 *
 * The operator's page, for page.t that starts the servers:
 * page.mjs ORIGIN LOCKED-ORIGIN KEY
 */

import assert from 'node:assert';

import { open, step, tell, until, violations } from './browser.mjs';

const [origin, locked, key] = process.argv.slice(2);
const { page, faults, shot, close } = await open(origin);

const MARKUP = '<img src=x onerror="document.title=\'hacked\'">';


async function post(path, body, host = origin, headers = {}) {
    const answer = await fetch(`${host}/api/v1${path}`, {
        method: 'POST', body: JSON.stringify(body), headers });
    const text = await answer.text();

    assert.strictEqual(answer.status, 200, text);

    return JSON.parse(text);
}

function create(room_id, creator, uids, more = {}) {
    return post('/rooms', { room_id, creator, device_type: 'app', uids,
        ...more });
}

/* a row of a section, by what is in it */

function row(section, ...texts) {
    return texts.reduce((rows, text) => rows.filter({ hasText: text }),
        page.locator(`#${section} tbody tr`)).first();
}

function card(name) {
    return page.locator('.card').filter({ hasText: name });
}

async function has(locator, pattern) {
    await until(async () => assert.match(
        (await locator.innerText()).replaceAll(/\s+/g, ' '), pattern));
}

function press(locator, name) {
    return locator.getByRole('button', { name }).click();
}

async function is_narrow() {
    const [inner, outer] = await page.evaluate(() => [
        document.documentElement.scrollWidth, innerWidth]);

    assert(inner <= outer, `${inner} of ${outer} pixels`);
}


/* --- calls */

await step('an empty board says so', async () => {
    const answer = await page.goto(`${origin}/tgortc/`);

    assert.match(answer.headers()['content-security-policy'],
        /default-src 'self'/);
    await has(page.locator('#state'), /^Live, last updated \d\d:\d\d:\d\d$/);
    await has(page.locator('#calls-none'), /^Nobody calls anybody now/);
    await has(page.locator('#endings-none'), /^No call .* has ended/);
    await has(page.locator('#failures-none'), /^Nothing has failed/);
});

await step('a call appears while it rings', async () => {
    await create('room_one', 'alice', ['bob'], { rtc_type: 1 });
    await has(row('calls', 'room_one'),
        /^Ringing room_one alice calling · app bob ringing video ?1:1 \d/);
    await has(page.locator('.tiles'), /1 live calls 1 ringing, 0 talking/);
});

await step('who talks, on which device', async () => {
    await post('/rooms/room_one/join', { uid: 'alice' });
    await post('/rooms/room_one/join', { uid: 'bob', device_type: 'web' });
    await has(row('calls', 'room_one'),
        /^Connecting .* alice connecting · app bob connecting · web/);
    await tell('connect', 'room_one', 'alice', 'bob');
    await has(row('calls', 'room_one'),
        /^Talking .* alice talking · web bob talking · web/);
});

await step('the time goes on', async () => {
    const cell = row('calls', 'room_one').locator('.number');
    const before = await cell.innerText();

    assert.match(before, /^\d+:\d\d$/);
    await until(async () => assert.notStrictEqual(await cell.innerText(),
        before));
});

await step('a group: who is there first, the others on demand', async () => {
    const uids = Array.from({ length: 12 }, (_, i) => `guest_${i}`);

    await create('room_team', 'carol', uids,
        { max_participants: 20, rtc_type: 0 });
    await has(row('calls', 'room_team'), /and 5 others audio ?up to 20/);
    await row('calls', 'room_team').locator('summary').click();
    await has(row('calls', 'room_team'), /guest_11 ringing/);

    /* and they stay when somebody does something */

    await post('/rooms/room_team/leave', { uid: 'guest_3' });
    await has(row('calls', 'room_team'), /guest_11 ringing.*guest_3 rejected/);
});

await step('calls are found by room id and by uid', async () => {
    const field = page.getByRole('searchbox', { name: 'Room id or uid' });

    await field.fill('GUEST_4');
    await row('calls', 'room_one').waitFor({ state: 'detached' });
    assert.strictEqual(await page.locator('#calls tbody tr').count(), 1);
    await field.fill('room_one');
    await row('calls', 'room_one').waitFor();
    assert.strictEqual(await page.locator('#calls tbody tr').count(), 1);
    await field.fill('nobody_at_all');
    await has(page.locator('#calls-none'), /^Nothing here has “nobody_at_all”/);
    await field.fill('');
    await row('calls', 'room_team').waitFor();
});

await step('what comes from outside is text', async () => {
    await create('room_markup', MARKUP, ['\u202egnp.exe'],
        { device_type: '<script>' });
    await has(row('calls', 'room_markup'), /<img src=x onerror=/);
    await has(row('calls', 'room_markup'), /<script>/);
    assert.strictEqual(await page.locator('main img').count(), 0);
    assert.strictEqual(await page.title(), 'TgoRTC: calls and webhooks');
});

await step('a call can be let go on', async () => {
    await press(row('calls', 'room_one'), 'End call room_one');
    await has(page.getByRole('dialog'), /Everybody in room_one is disconn/);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.strictEqual(await page.evaluate(
        () => document.activeElement.innerText.replaceAll(/\s+/g, ' ')),
    'End call room_one');
});

await step('a call is ended, and is among the endings', async () => {
    await press(row('calls', 'room_one'), 'End call room_one');
    await press(page.getByRole('dialog'), 'End the call');
    await has(page.locator('#calls-said'), /^room_one has ended/);
    await row('calls', 'room_one').waitFor({ state: 'detached' });
    await has(row('endings', 'room_one'),
        /^Finished room_one alice hung up · web bob hung up · web video/);
    assert.strictEqual(await page.evaluate(() => document.activeElement.id),
        'calls-title');
});

await step('how calls end', async () => {
    await create('room_rejected', 'dave', ['erin']);
    await post('/rooms/room_rejected/leave', { uid: 'erin' });
    await create('room_cancelled', 'dave', ['erin']);
    await post('/rooms/room_cancelled/leave', { uid: 'dave' });
    await has(row('endings', 'room_rejected'),
        /^Rejected .* dave cancelled · app erin rejected/);
    await has(row('endings', 'room_cancelled'), /^Cancelled/);
});


/* --- webhooks */

let name;

await step('an endpoint that takes everything', async () => {
    name = await page.locator('.card h3').innerText();
    await has(card(name), /Delivering Delivered [1-9]\d* Given up 0 Waiting 0/);
    await has(card(name), /Last 5 minutes: [1-9]\d* events? delivered/);
    assert.match(await page.getByRole('img', { name: /^Last 5 minutes/ })
        .first().innerHTML(), /<rect class="ok"/);
});

await shot('page');

await step('it is gone: failures, and the breaker opens', async () => {
    const uids = Array.from({ length: 12 }, (_, i) => `late_${i}`);

    await tell('stop');
    await create('room_down', 'frank', uids, { max_participants: 20 });
    await has(card(name), /Breaker open/);
    await has(row('failures', 'room_down', 'Failed attempt'),
        /participant\.invited.*late_/);
    await has(page.locator('.tiles'), /1 of 1 endpoints in trouble/);
});

await shot('page-failing');

await step('it is back and wants none of it: dead letters', async () => {
    await tell('start_refusing', '^room_(down|more)$');
    await has(row('failures', 'room_down', 'Dead letter'), /Replay/);
    await has(page.locator('.tiles'), /12 given up/);
    await has(card(name), /Delivering .* Given up 12 Waiting 0/);
});

await step('a filter shows some of them', async () => {
    await page.locator('#of-type').selectOption('room.finished');
    await has(page.locator('#failures-none'), /^Nothing that fits/);
    await page.locator('#of-type').selectOption('participant.invited');
    await row('failures', 'room_down').waitFor();
    await page.locator('#of-endpoint').selectOption(name);
    await page.locator('#of-room').fill('room_one');
    await page.keyboard.press('Enter');
    await has(page.locator('#failures-none'), /^Nothing that fits/);
    await page.locator('#of-room').fill('not a room');
    await page.keyboard.press('Enter');
    assert(await page.locator('#of-room:invalid').count());
    await page.locator('#of-room').fill('');
    await page.locator('#of-endpoint').selectOption('');
    await page.locator('#of-type').selectOption('');
    await row('failures', 'room_down').waitFor();
});

await step('older ones are on the next page', async () => {
    await create('room_more', 'gina', Array.from({ length: 12 },
        (_, i) => `more_${i}`), { max_participants: 20 });
    await has(page.locator('.tiles'), /24 given up/);
    await has(row('failures', 'room_more', 'Dead letter'), /Replay/);

    const rows = page.locator('#failures tbody tr');

    await until(async () => assert.strictEqual(await rows.count(), 25));

    const first = await rows.first().innerText();

    await press(page.locator('#failures'), 'Older');
    await until(async () => assert.notStrictEqual(
        await rows.first().innerText(), first));
    await press(page.locator('#failures'), 'Newer');
    await until(async () => assert.strictEqual(
        await rows.first().innerText(), first));
});

await step('it takes them now: one dead letter is sent again', async () => {
    await tell('accept');

    const letter = row('failures', 'room_down', 'Dead letter')
        .or(row('failures', 'room_more', 'Dead letter')).first();
    const room = (await letter.innerText()).match(/room_\w+/)[0];

    await press(letter, 'Replay');
    await has(page.locator('#failures-said'), /^1 event is sent again/);
    await has(letter, /Sent again/);
    await has(page.locator('.tiles'), /23 given up/);
    await until(async () => assert.strictEqual(
        await tell('accepted', room, 'participant.invited'), 1));
    await has(card(name), /Delivering .* Given up 23 Waiting 0/);
});

await step('and all of a range', async () => {
    await press(page.locator('#replay'), 'Replay all');
    await press(page.getByRole('dialog'), 'Replay all');
    await has(page.locator('#replay-said'), /^23 events are sent again/);
    await has(card(name), /Delivering .* Given up 0 Waiting 0/);

    for (const room of ['room_down', 'room_more']) {
        await until(async () => assert.strictEqual(
            await tell('accepted', room, 'participant.invited'), 12));
    }
});

await step('what was sent again is not sent twice', async () => {
    await page.reload();
    await press(row('failures', 'Dead letter'), 'Replay');
    await has(page.locator('#failures-said'), /^Nothing to send/);
});

await step('a range that ends before it begins', async () => {
    await page.locator('#replay-until').fill('2020-01-01T00:00:00');
    await press(page.locator('#replay'), 'Replay all');
    await has(page.locator('#replay-said'), /ends before it begins/);
    await page.locator('#replay-until').fill('');
});


/* --- how it is used */

await step('axe finds nothing, light and dark, wide and narrow', async () => {
    for (const colorScheme of ['light', 'dark']) {
        for (const width of [1280, 320]) {
            await page.emulateMedia({ colorScheme });
            await page.setViewportSize({ width, height: 900 });
            await page.locator('#failures tbody tr').first().waitFor();

            assert.deepStrictEqual(await violations(page), [],
                `${colorScheme}, ${width}`);
            await is_narrow();
            await shot(`page-${colorScheme}-${width}`, { fullPage: true });
        }
    }

    await press(row('calls', 'room_team'), 'End call room_team');
    assert.deepStrictEqual(await violations(page), [], 'dialog');
    await is_narrow();
    await shot('page-dialog');
    await page.keyboard.press('Escape');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 900 });
});

await step('by keyboard all is reached, in order, and seen', async () => {
    await page.reload();
    await row('calls', 'room_team').waitFor();
    await row('failures', 'Dead letter').waitFor();
    await row('endings', 'room_one').waitFor();
    await press(page, 'Pause');
    await page.locator('body').click({ position: { x: 1, y: 1 } });

    const wanted = await page.evaluate(() => {
        const all = [...document.querySelectorAll(
            'a[href], button, input, select, summary')].filter(
            e => e.checkVisibility() && !e.closest('dialog'));

        all.forEach((e, i) => { e.dataset.n = i; });

        return all.length;
    });
    const reached = [];

    assert(wanted > 20, `only ${wanted}`);

    /* inside a field of a date are more stops, which are the browser's */

    while (reached.at(-1) !== wanted - 1 && reached.length < wanted) {
        await page.keyboard.press('Tab');

        const [n, outline] = await page.evaluate(() => {
            const e = document.activeElement;
            const style = getComputedStyle(e);

            return [Number(e.dataset.n ?? -1),
                `${style.outlineStyle} ${style.outlineWidth} of `
                + e.outerHTML];
        });

        if (n !== reached.at(-1)) {
            assert.match(outline, /^(solid|auto) [1-9].* of /);
            reached.push(n);
        }
    }

    assert.deepStrictEqual(reached, [...Array(wanted).keys()]);
    await press(page, 'Pause');
});

await step('what has the focus keeps it over polls', async () => {
    const answers = () => page.waitForResponse(/logs\/stats/);

    await row('calls', 'room_team').getByRole('button').focus();
    await create('room_newer', 'henry', ['ivan']);
    await row('calls', 'room_newer').waitFor();
    await answers();
    assert.match(await page.evaluate(() => document.activeElement.innerText),
        /^End\s+call room_team$/);
});

await step('pause, and go on', async () => {
    await press(page, 'Pause');
    await has(page.locator('#state'), /^Paused, last updated/);
    await press(page, 'Refresh now');
    await has(page.locator('#state'), /^Paused, last updated/);
    await press(page, 'Pause');
    await has(page.locator('#state'), /^Live/);
});

await step('nothing in the console, nothing from another host', () => {
    assert.deepStrictEqual(faults, []);
});


/* --- when it goes wrong; a browser logs what it cannot get */

await step('not reachable: it waits longer, and says so', async () => {
    await page.clock.install();
    await page.goto(`${origin}/tgortc/`);
    await has(page.locator('#state'), /^Live/);
    await page.clock.pauseAt(Date.now() + 1000);
    await page.context().setOffline(true);

    /* the clock may have gone on a bit when it asked */

    let wait = 3;

    for (const seconds of [6, 12, 24, 48, 60, 60]) {
        const left = [0, 1, 2, 3].map(passed => seconds - passed).join('|');

        await page.clock.runFor(1000 * wait);
        await has(page.locator('#state'), new RegExp('^Not reachable since .*,'
            + ` last updated .*; next try in (${left}) s$`));
        wait = seconds;
    }

    await page.clock.resume();
    await has(page.locator('#state-said'), /^The API is not reachable/);
    await has(page.locator('#calls-trouble'), /^No answer/);
    await row('calls', 'room_team').waitFor();
    assert.deepStrictEqual(await violations(page), []);
    await shot('page-unreachable');

    await page.context().setOffline(false);
    await press(page, 'Refresh now');
    await has(page.locator('#state'), /^Live/);
    await has(page.locator('#state-said'), /^The API is reachable again/);
    assert(await page.locator('#calls-trouble').isHidden());
});

await step('a tab that is hidden does not ask', async () => {
    let asked = 0;
    const hide = hidden => page.evaluate(value => {
        Object.defineProperty(document, 'hidden',
            { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);

    await page.waitForLoadState('networkidle');
    await hide(true);
    page.on('request', () => { asked++; });
    await page.clock.runFor(600000);
    assert.strictEqual(asked, 0);

    const answer = page.waitForResponse(/logs\/stats/);

    await hide(false);
    await answer;
    assert(asked > 0);
});

await step('an API of another host is not asked', async () => {
    await page.goto(`${origin}/tgortc/?api=https://example.com/api/v1`);
    await has(page.locator('#state'), /has to be on the host of this page/);
});

await step('an API elsewhere on this host that is not there', async () => {
    await page.goto(`${origin}/tgortc/?api=/elsewhere`);
    await has(page.locator('#calls-trouble'), /\(404\)/);
});

assert.deepStrictEqual(faults.filter(fault => !/ERR_INTERNET_DISCONNECTED|404/
    .test(fault)), []);
await close();


/* --- with a key */

const other = await open(locked);
const input = other.page.locator('#key-input');

await step('the API key is asked for', async () => {
    await other.page.goto(`${locked}/tgortc/`);
    await input.waitFor();
    assert.strictEqual(await other.page.locator('#board').isVisible(), false);
    assert.deepStrictEqual(await violations(other.page), []);
    assert.strictEqual(await input.evaluate(
        e => e === document.activeElement), true);
    await other.shot('page-key');
});

await step('a wrong one, one that no header has', async () => {
    await input.fill('wrong');
    await other.page.keyboard.press('Enter');
    await has(other.page.locator('#key-wrong'), /^This key is not accepted/);
    await input.fill('k\u20acy');
    await other.page.keyboard.press('Enter');
    await has(other.page.locator('#key-wrong'), /no such characters/);
});

await step('the right one; it lasts as long as the tab', async () => {
    const urls = [];

    other.page.on('request', request => urls.push(request.url()));

    await post('/rooms', { creator: 'alice', device_type: 'app',
        room_id: 'room_locked' }, locked, { Authorization: `Bearer ${key}` });
    await input.fill(key);
    await other.page.keyboard.press('Enter');
    await other.page.locator('#calls tbody tr').filter(
        { hasText: 'room_locked' }).waitFor();
    await other.page.reload();
    await other.page.locator('#calls tbody tr').filter(
        { hasText: 'room_locked' }).waitFor();

    assert.deepStrictEqual(urls.filter(url => url.includes(key)), []);
    assert.strictEqual(await other.page.evaluate(
        () => localStorage.length + document.cookie.length), 0);
});

await step('it is forgotten', async () => {
    await press(other.page, 'Forget API key');
    await input.waitFor();
    assert.strictEqual(await other.page.evaluate(
        () => sessionStorage.length), 0);
    assert.strictEqual(
        await other.page.locator('#calls tbody tr').count(), 0);
});

await step('nothing but 401 in the console', () => {
    assert.deepStrictEqual(other.faults.filter(fault => !/401/.test(fault)),
        []);
});

await other.close();
