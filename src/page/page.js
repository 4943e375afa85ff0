/*
 * Copyright (C) TgoRTC contributors
 *
 * The operator's page: asks the API every few seconds, and says how that goes.
 */

import * as api from './api.js';
import * as calls from './calls.js';
import { by, say, show } from './dom.js';
import * as endpoints from './endpoints.js';
import * as failures from './failures.js';
import { time } from './format.js';

const INTERVAL = 3000;
const SLOWEST = 60000;

const SOURCES = [
    ['calls', calls.load_live, calls.draw_live],
    ['endings', calls.load_ended, calls.draw_ended],
    ['endpoints', endpoints.load, () => failures.choose(endpoints.draw())],
    ['failures', failures.load, failures.draw]
];

let timer = null;
let interval = INTERVAL;
let polling = false;
let again = false;
let paused = false;
let locked = false;

/* times in ms of this machine */
let updated = null;
let failing = null;
let next = null;


/* --- asking */

async function load([name, get, draw]) {
    try {
        await get();
        draw();
        show(by(`${name}-trouble`), false);

        return null;

    } catch (error) {
        const is_refusal = error instanceof api.Refusal;

        if (!is_refusal) {
            console.error(error);
        }

        say(by(`${name}-trouble`), is_refusal ? error.message
            : 'The answer is not what it should be');
        show(by(`${name}-trouble`), true);

        return error;
    }
}


/* what may pass by itself, unlike a location that is not there */

function is_passing(error) {
    return error.status === 0 || error.status === 429 || error.status >= 500;
}


async function poll() {
    if (locked) {
        return;
    }

    if (polling) {
        again = true;
        return;
    }

    clearTimeout(timer);
    polling = true;
    next = null;

    const errors = (await Promise.all(SOURCES.map(load)))
        .filter(error => error !== null);

    polling = false;

    if (errors.some(error => error.status === 401)) {
        lock();
        return;
    }

    note(errors);

    if (again) {
        again = false;
        poll();
        return;
    }

    schedule(errors.filter(is_passing));
}


function schedule(errors) {
    const asked = Math.max(0, ...errors.map(error => error.retryAfter));

    interval = errors.length ? Math.min(SLOWEST, 2 * interval) : INTERVAL;

    if (!paused && !document.hidden) {
        const wait = Math.max(interval, 1000 * asked);

        next = Date.now() + wait;
        timer = setTimeout(poll, wait);
    }

    say_state();
}


/* --- saying how it goes */

function note(errors) {
    const was_failing = failing !== null;

    if (errors.length < SOURCES.length) {
        updated = Date.now();
        failing = null;

    } else {
        failing ??= Date.now();
    }

    document.body.dataset.read = updated !== null;
    by('state').dataset.errors = errors.length;

    /* this is heard, so only when it changes */

    if (failing !== null && !was_failing) {
        say(by('state-said'), 'The API is not reachable.');

    } else if (failing === null && was_failing) {
        say(by('state-said'), 'The API is reachable again.');
    }
}


function say_state() {
    const seconds = next === null ? 0
        : Math.max(0, Math.ceil((next - Date.now()) / 1000));
    const last = updated === null ? '' : `, last updated ${time(updated)}`;
    let state, text;

    if (locked) {
        [state, text] = ['waiting', 'API key wanted'];

    } else if (failing !== null) {
        state = 'failing';
        text = `Not reachable since ${time(failing)}${last}`
            + (next === null ? '' : `; next try in ${seconds} s`);

    } else if (updated === null) {
        [state, text] = ['waiting', 'Connecting'];

    } else if (paused) {
        [state, text] = ['paused', `Paused${last}`];

    } else {
        const partly = by('state').dataset.errors !== '0';

        state = partly ? 'partly' : 'ok';
        text = `${partly ? 'Partly reachable' : 'Live'}${last}`;
    }

    by('state').dataset.state = state;
    say(by('state-text'), text);
    show(by('now'), !locked && (failing !== null || paused));
    show(by('forget'), !locked && api.hasKey());
    show(by('pause'), !locked);
}


/* --- the API key */

function lock() {
    locked = true;
    again = false;
    say(by('key-wrong'), api.hasKey()
        ? 'This key is not accepted.' : '');
    api.setKey(null);

    show(by('board'), false);
    show(by('key'), true);
    by('key-input').focus();
    say_state();
}


function unlock(event) {
    const input = by('key-input');

    event.preventDefault();

    if (!api.setKey(input.value.trim())) {
        say(by('key-wrong'), 'A key has no such characters.');
        return;
    }

    input.value = '';
    locked = false;
    show(by('key'), false);
    show(by('board'), true);
    by('main').focus();
    poll();
}


/* what was read with the key goes with it */

function forget() {
    api.setKey(null);
    location.reload();
}


/* --- begin */

function pause() {
    paused = !paused;
    by('pause').setAttribute('aria-pressed', paused);

    if (paused) {
        clearTimeout(timer);
        next = null;
        say_state();

    } else {
        poll();
    }
}


function start() {
    try {
        api.open();
    } catch (error) {
        by('state').dataset.state = 'failing';
        say(by('state-text'), error.message);
        show(by('board'), false);
        show(by('pause'), false);
        return;
    }

    say(by('zone'), Intl.DateTimeFormat().resolvedOptions().timeZone);

    calls.start(poll);
    failures.start(poll);

    by('key-form').addEventListener('submit', unlock);
    by('forget').addEventListener('click', forget);
    by('pause').addEventListener('click', pause);
    by('now').addEventListener('click', poll);

    document.addEventListener('visibilitychange', () => {
        clearTimeout(timer);

        if (!document.hidden && !paused) {
            poll();
        }
    });

    setInterval(() => {
        if (!document.hidden && !paused && !locked) {
            calls.tick();
            say_state();
        }
    }, 1000);

    poll();
}

start();
