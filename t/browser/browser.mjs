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

export const build = path.resolve(process.env.BUILD ?? 'build');

const installed = createRequire(path.join(build, 'npm/package.json'));
const { chromium } = installed('playwright-core');

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu',
    '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'];


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
    context.on('requestfailed', request => faults.push(
        `failed: ${request.url()} ${request.failure()?.errorText}`));

    return {
        page,
        faults,
        shot: name => {
            fs.mkdirSync(path.join(build, 'shots'), { recursive: true });

            return page.screenshot({
                path: path.join(build, 'shots', `${name}.png`) });
        },
        close: async () => {
            await context.close();
            fs.rmSync(profile, { recursive: true, force: true });
        }
    };
}


export async function test(name, check) {
    try {
        await check();
        console.log(`ok - ${name}`);

    } catch (error) {
        console.log(`not ok - ${name}`);
        console.log(error.stack);
    }
}
