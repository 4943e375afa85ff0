/*
 * Copyright (C) TgoRTC contributors
 *
 * What could not be delivered, and sending it again.
 */

import * as api from './api.js';
import { by, confirm, foreign, keep, make, row, say } from './dom.js';
import { count, local, set_time, time } from './format.js';

const PAGE = 25;

/* pages of a filter may be empty; so many are passed over at once */
const EMPTY = 5;

const LABELS = ['Time', 'What', 'Event', 'Room', 'Endpoint', 'Attempts',
    'Reason', 'Action'];

/* where this page of the log begins, and those before it; null: the newest */
let cursors = [null];
let entries = [];
let next = null;

/* what was sent again from here: the log goes on showing it */
const replayed = new Map();

let refresh;


function value(id) {
    return by(id).value.trim() || null;
}


export async function load() {
    const filter = { endpoint: value('of-endpoint'),
        event_type: value('of-type'), room_id: value('of-room') };
    let cursor = cursors.at(-1);

    for (let i = 0; i < EMPTY; i++) {
        const { data } = await api.get('/webhooks/logs',
            { limit: PAGE, cursor, ...filter });

        entries = data.entries;
        next = cursor = data.next_cursor;

        if (entries.length || next === null) {
            break;
        }
    }
}


function create(entry) {
    const tr = row(LABELS, 2);
    const cells = tr.children;

    cells[0].append(make('time'));
    cells[1].append(entry.kind === 'dead'
        ? make('span', { class: 'badge', 'data-state': 'dead' }, 'Dead letter')
        : make('span', { class: 'badge', 'data-state': 'retry' },
               'Failed attempt'));
    cells[2].append(entry.event_type);

    if (entry.uid !== null) {
        cells[2].append(make('small', {}, foreign(entry.uid)));
    }

    cells[3].append(foreign(entry.room_id));
    cells[4].append(entry.endpoint === null ? 'gone' : foreign(entry.endpoint));
    cells[5].append(String(entry.attempts));
    cells[5].className = 'number';
    cells[6].append(foreign(entry.reason));

    if (entry.kind === 'dead') {
        const button = make('button', { type: 'button', class: 'small' },
            make('span', {}), make('span', { class: 'unseen' },
                ` ${entry.event_type} of ${entry.room_id}`));

        button.addEventListener('click', () => replay(button, entry));
        cells[7].append(button);
    }

    return tr;
}


function fill(tr, entry) {
    const button = tr.querySelector('button');

    set_time(tr.querySelector('time'), entry.time);

    if (button) {
        const is_sent = replayed.get(entry.event_id) >= entry.time;

        say(button.firstElementChild, is_sent ? 'Sent again' : 'Replay');
        button.setAttribute('aria-disabled', is_sent);
    }
}


export function draw() {
    const is_filtered = ['of-endpoint', 'of-type', 'of-room'].some(value);
    const rows = by('failures-rows');
    const had_focus = rows.contains(document.activeElement);

    keep(rows, entries, e => JSON.stringify(e), create, fill);

    if (had_focus && !rows.contains(document.activeElement)) {
        by('failures-title').focus();
    }

    rows.parentElement.hidden = entries.length === 0;
    say(by('failures-none'), entries.length ? ''
        : next !== null ? 'Nothing so far; there are older ones to look at.'
        : cursors.length > 1 ? 'Nothing older.'
        : is_filtered ? 'Nothing that fits this filter has failed.'
        : 'Nothing has failed.');

    by('newer').setAttribute('aria-disabled', cursors.length === 1);
    by('older').setAttribute('aria-disabled', next === null);
    by('newer').parentElement.hidden = cursors.length === 1 && next === null;
}


/* puts what there is to choose from into the filter */

function offer(select, names) {
    const options = [...select.options].slice(1).map(option => option.value);

    if (options.join('\n') === names.join('\n')) {
        return;
    }

    const chosen = select.value;

    select.replaceChildren(select.options[0],
        ...names.map(name => make('option', { value: name }, name)));
    select.value = names.includes(chosen) ? chosen : '';
}


export function choose({ endpoints, types }) {
    offer(by('of-endpoint'), endpoints);
    offer(by('of-type'), types);
}


async function send(body, said) {
    try {
        const answer = await api.post('/webhooks/logs/replay', body);

        say(by(said), answer.replayed
            ? `${count(answer.replayed, 'event is', 'events are')} sent again.`
            : 'Nothing to send: no dead letter that has an endpoint.');

        return true;

    } catch (error) {
        say(by(said), `Nothing known to be sent: ${error.message}`);
        return false;
    }
}


async function replay(button, entry) {
    if (button.getAttribute('aria-disabled') === 'true') {
        return;
    }

    button.setAttribute('aria-disabled', 'true');

    if (await send({ event_id: entry.event_id }, 'failures-said')) {
        replayed.set(entry.event_id, entry.time);
    }

    draw();
    refresh();
}


async function replay_range() {
    const since = new Date(by('replay-since').value).getTime();
    const until = by('replay-until').value
        ? new Date(by('replay-until').value).getTime() : api.now();

    if (since > until) {
        say(by('replay-said'), 'The range ends before it begins.');
        return;
    }

    if (!await confirm('Replay this range?',
        `Every dead letter given up from ${time(since)} to ${time(until)}`
        + ' is sent again to its endpoint.', 'Replay all'))
    {
        return;
    }

    const body = { since: Math.floor(since / 1000),
                   until: Math.floor(until / 1000) };

    if (await send(body, 'replay-said')) {
        for (const entry of entries) {
            if (entry.kind === 'dead' && entry.time >= body.since
                && entry.time <= body.until)
            {
                replayed.set(entry.event_id, entry.time);
            }
        }
    }

    draw();
    refresh();
}


function turn(button, change) {
    by(button).addEventListener('click', () => {
        if (by(button).getAttribute('aria-disabled') !== 'true') {
            change();
            refresh();
        }
    });
}


export function start(poll) {
    const filter = by('failures-filter');

    refresh = poll;
    by('replay-since').value = local(Date.now() - 3600000);

    filter.addEventListener('submit', event => event.preventDefault());

    for (const type of ['submit', 'change']) {
        filter.addEventListener(type, () => {
            if (filter.checkValidity()) {
                cursors = [null];
                refresh();
            }
        });
    }

    by('replay').addEventListener('submit', event => {
        event.preventDefault();
        replay_range();
    });

    turn('older', () => cursors.push(next));
    turn('newer', () => cursors.pop());
}
