/*
 * Copyright (C) TgoRTC contributors
 *
 * The API: where it is, the key that it may want, its answers and refusals.
 */

const KEY = 'tgortc-api-key';
const TIMEOUT = 10000;

let base;
let key = null;
let skew = 0;


export class Refusal extends Error {
    constructor(status, message, retryAfter = 0) {
        super(message);
        this.status = status;               // 0: there was no answer
        this.retryAfter = retryAfter;       // seconds, or 0
    }
}


/* A key must not leave for another host, so neither may a request. */

export function open() {
    const given = new URLSearchParams(location.search).get('api')
        ?? document.querySelector('meta[name=tgortc-api]').content;
    const url = URL.canParse(given, location.href)
        ? new URL(given, location.href) : null;

    if (!url || url.origin !== location.origin) {
        throw new Refusal(0, 'The API has to be on the host of this page');
    }

    base = url.origin + url.pathname.replace(/\/+$/, '');

    try {
        key = sessionStorage.getItem(KEY);
    } catch {
        key = null;
    }
}


export function hasKey() {
    return key !== null;
}


/* null forgets it; false if no header can have it */

export function setKey(text) {
    try {
        new Headers({ Authorization: `Bearer ${text}` });
    } catch {
        return false;
    }

    key = text;

    try {
        if (text === null) {
            sessionStorage.removeItem(KEY);
        } else {
            sessionStorage.setItem(KEY, text);
        }
    } catch {
        /* without storage it lasts as long as the page */
    }

    return true;
}


/* the server's time in ms, as far as it is known */

export function now() {
    return Date.now() + skew;
}


/* "query" has null where an argument is not wanted */

export function get(path, query = {}) {
    const wanted = Object.entries(query).filter(([, value]) => value !== null);
    const text = new URLSearchParams(wanted).toString();

    return request(path + (text ? `?${text}` : ''), { method: 'GET' });
}


export function post(path, body) {
    return request(path, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json' }
    });
}


async function request(path, options) {
    const headers = new Headers(options.headers);
    let answer, json;

    if (key !== null) {
        headers.set('Authorization', `Bearer ${key}`);
    }

    try {
        answer = await fetch(base + path, { ...options, headers,
            cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT) });
        json = await answer.json().catch(() => null);

    } catch (error) {
        throw new Refusal(0, error.name === 'TimeoutError'
            ? `No answer within ${TIMEOUT / 1000} seconds` : 'No answer');
    }

    set_clock(answer.headers.get('Date'));

    if (!answer.ok) {
        throw new Refusal(answer.status,
            `${json?.message ?? answer.statusText} (${answer.status})`,
            parseInt(answer.headers.get('Retry-After'), 10) || 0);
    }

    if (json === null) {
        throw new Refusal(answer.status, 'The answer is not JSON');
    }

    return json;
}


/* the header has whole seconds: less than two of difference say nothing */

function set_clock(date) {
    const difference = Date.parse(date) - Date.now();

    if (Number.isFinite(difference)) {
        skew = Math.abs(difference) < 2000 ? 0 : difference;
    }
}
