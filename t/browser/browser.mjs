/*
 * Copyright (C) TgoRTC contributors
 *
 * Debian's Chromium, without a window, a profile or a way to any other host.
 * What a page logs or asks for that it should not is in "faults".
 */

import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

export const build = path.resolve(process.env.BUILD ?? 'build');

const installed = createRequire(path.join(build, 'npm/package.json'));
const { chromium } = installed('playwright-core');

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu',
    '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'];


const windows = new Set();


/* a window onto the server at an address; close() it in the end */

export async function open(origin, options = {}) {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'tgortc-browser.'));
    const context = await chromium.launchPersistentContext(profile, {
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: FLAGS, viewport: { width: 1280, height: 900 },
        ignoreHTTPSErrors: true, ...options });
    const page = context.pages()[0] ?? await context.newPage();
    const faults = [];

    page.setDefaultTimeout(30000);
    page.on('pageerror', error => faults.push(`error: ${error.message}`));
    page.on('console', message => {
        if (['error', 'warning'].includes(message.type())) {
            faults.push(`console: ${message.text()}`);
        }
    });
    context.on('request', request => {
        const url = new URL(request.url());

        if (url.origin !== origin && !['data:', 'blob:'].includes(url.protocol))
        {
            faults.push(`another host: ${url}`);
        }
    });
    context.on('requestfailed', request => {
        const why = request.failure()?.errorText;

        // what was under way when a page is left is given up by the browser
        if (why !== 'net::ERR_ABORTED') {
            faults.push(`failed: ${request.url()} ${why}`);
        }
    });

    const opened = {
        page,
        faults,
        shot: (name, more = {}) => {
            fs.mkdirSync(path.join(build, 'shots'), { recursive: true });

            return page.screenshot({ ...more,
                path: path.join(build, 'shots', `${name}.png`) });
        },
        close: async () => {
            windows.delete(opened);
            await context.close();
            fs.rmSync(profile, { recursive: true, force: true });
        }
    };

    windows.add(opened);

    return opened;
}


let failed = 0;

export async function test(name, check) {
    try {
        await check();
        console.log(`ok - ${name}`);

    } catch (error) {
        failed++;
        console.log(`not ok - ${name}`);
        console.log(error.stack);
    }
}


/* the same as a part of a story: what follows would not make sense without */

export async function step(name, check) {
    await test(name, check);

    if (failed) {
        for (const { faults, shot, close } of windows) {
            console.log(faults.join('\n'));
            await shot('failed');
            await close();
        }

        process.exit(1);
    }
}


/* has something done by the test that started this script, see Browser.pm */

let replies;

export async function tell(...what) {
    replies ??= readline.createInterface({ input: process.stdin })
        [Symbol.asyncIterator]();

    /* only a reply that is awaited keeps the script from its end */

    process.stdin.ref();
    console.log(`do ${JSON.stringify(what)}`);

    const reply = await replies.next();

    process.stdin.unref();

    return JSON.parse(reply.value);
}


/* waits until a check passes, which may be asynchronous, or throws its error */

export async function until(check, seconds = 30) {
    const end = Date.now() + 1000 * seconds;

    for (;;) {
        try {
            return await check();

        } catch (error) {
            if (Date.now() > end) {
                throw error;
            }
        }

        await new Promise(resolve => setTimeout(resolve, 50));
    }
}


/* what axe-core finds wrong with a page, as text */

const axe = fs.readFileSync(installed.resolve('axe-core/axe.min.js'), 'utf8');

export async function violations(page) {
    await page.evaluate(axe);

    return page.evaluate(async () => (await axe.run(document, {
        resultTypes: ['violations']
    })).violations.map(v => `${v.impact} ${v.id}: `
        + v.nodes.map(n => `${n.html}: ${n.failureSummary}`).join('\n')));
}
