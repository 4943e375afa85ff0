/*
 * Copyright (C) TgoRTC contributors
 *
 * Live calls, and how calls ended.
 */

import * as api from './api.js';
import { by, confirm, foreign, keep, make, row, say, show } from './dom.js';
import { count, duration, set_time } from './format.js';

const PAGE = 50;
const PEOPLE = 8;
const ROOM_ID = /^[A-Za-z0-9_.~:@-]{1,64}$/;

const ENDED = { 2: 'Finished', 3: 'Cancelled', 4: 'Rejected', 6: 'Missed' };

const LIVE_LABELS = ['State', 'Room', 'Participants', 'Kind', 'Since',
    'Running', 'Action'];
const ENDED_LABELS = ['How', 'Room', 'Participants', 'Kind', 'Ended', 'Talked'];

/* how many of them are wanted, and what came */
const live = { state: 'live', wanted: PAGE, rooms: [], more: false };
const ended = { state: 'ended', wanted: PAGE, rooms: [], more: false };

/* what is looked for, and whether a room has it as its id (null: unknown) */
let text = '';
let is_room = null;
let found = [];


function is_live(room) {
    return room.status < 2;
}


async function load(list) {
    const rooms = [];
    let cursor = null;

    do {
        const page = await api.get('/rooms', { state: list.state,
            limit: Math.min(100, list.wanted - rooms.length), cursor });

        rooms.push(...page.rooms);
        cursor = page.next_cursor;
    } while (cursor !== null && rooms.length < list.wanted);

    list.rooms = rooms;
    list.more = cursor !== null;
}


/* Gets what is looked for and is not on the pages that were loaded. */

async function look_up() {
    const sought = text;
    const rooms = [];

    if (sought !== '' && live.more
        && new TextEncoder().encode(sought).length <= 128)
    {
        rooms.push(...(await api.get('/rooms', { uid: sought })).rooms);
    }

    if ((live.more || ended.more) && is_room !== false && ROOM_ID.test(sought)
        && !['.', '..', 'sync'].includes(sought)
        && ![...live.rooms, ...ended.rooms].some(r => r.room_id === sought))
    {
        try {
            rooms.push(await api.get(`/rooms/${encodeURIComponent(sought)}`));
            is_room = true;

        } catch (error) {
            if (error.status !== 404) {
                throw error;
            }

            is_room = false;
        }
    }

    found = rooms;
}


function rooms_of(list) {
    const others = found.filter(room => is_live(room) === (list === live)
        && !list.rooms.some(other => other.room_id === room.room_id));

    return [...list.rooms, ...others].filter(sought);
}


function sought(room) {
    const has = value => value.toLowerCase().includes(text.toLowerCase());

    return text === '' || has(room.room_id) || room.uids.some(has);
}


/* --- what a room looks like */

function state_of(room) {
    const connected = room.participants.filter(p => p.connected).length;

    if (connected > 1) {
        return ['talks', 'Talking'];
    }

    if (room.participants.some(p => p.status === 0 && p.uid !== room.creator))
    {
        return ['rings', 'Ringing'];
    }

    return ['waits', connected ? 'One is there' : 'Connecting'];
}


function doing(room, person) {
    switch (person.status) {
    case 0:
        return person.uid === room.creator ? 'calling' : 'ringing';
    case 1:
        return person.connected ? 'talking' : 'connecting';
    case 2:
        return 'rejected';
    case 3:
        return 'hung up';
    case 4:
        return 'missed';
    default:
        return 'cancelled';
    }
}


function person_item(room, person) {
    const what = doing(room, person);
    const note = [what, person.device_type].filter(x => x !== null);

    return make('li', { 'data-doing': what.replace(' ', '-') },
        foreign(person.uid), ' ',
        make('span', {}, foreign(note.join(' · '))));
}


/* Made anew only when somebody does something else. */

function fill_people(cell, room) {
    const active = p => p.status < 2 ? 0 : 1;
    const people = [...room.participants].sort((a, b) => active(a) - active(b));
    const key = JSON.stringify(people);

    if (cell.people === key) {
        return;
    }

    const items = people.map(person => person_item(room, person));
    const list = make('ul', { class: 'people', role: 'list' },
        ...items.slice(0, PEOPLE));
    const rest = items.slice(PEOPLE);
    const was_open = cell.querySelector('details')?.open;
    const had_focus = cell.contains(document.activeElement);

    cell.people = key;
    cell.replaceChildren(list);

    if (rest.length) {
        const details = make('details', {},
            make('summary', {}, `and ${count(rest.length, 'other', 'others')}`),
            make('ul', { class: 'people', role: 'list' }, ...rest));

        details.open = Boolean(was_open);
        cell.append(details);

        if (had_focus) {
            details.firstElementChild.focus();
        }
    }
}


function create_row(room, labels) {
    const tr = row(labels, 1);
    const cells = tr.children;

    cells[0].append(make('span', { class: 'badge' }));
    cells[1].append(foreign(room.room_id));
    cells[3].append(room.rtc_type === 1 ? 'video' : 'audio',
        make('small', {}, room.max_participants === 2 ? '1:1'
            : `up to ${room.max_participants}`));
    cells[4].append(make('time'));
    cells[5].className = 'number';

    return tr;
}


function create_live(room) {
    const tr = create_row(room, LIVE_LABELS);
    const button = make('button', { type: 'button', class: 'small' }, 'End',
        make('span', { class: 'unseen' }, ` call ${room.room_id}`));

    button.addEventListener('click', () => end(room.room_id));
    tr.children[6].append(button);

    return tr;
}


function fill_live(tr, room) {
    const [name, label] = state_of(room);
    const badge = tr.children[0].firstElementChild;

    badge.dataset.state = name;
    say(badge, label);
    fill_people(tr.children[2], room);
    set_time(tr.children[4].firstElementChild, room.created_at);
    tr.children[5].dataset.since = room.created_at;
}


function fill_ended(tr, room) {
    const how = ENDED[room.status] ?? 'Ended';
    const badge = tr.children[0].firstElementChild;

    badge.dataset.state = how.toLowerCase();
    say(badge, how);
    fill_people(tr.children[2], room);
    set_time(tr.children[4].firstElementChild, room.ended_at);
    say(tr.children[5], room.duration ? duration(room.duration) : '–');
}


function draw(list, name, create, fill, none) {
    const rooms = rooms_of(list);
    const rows = by(`${name}-rows`);
    const had_focus = rows.contains(document.activeElement);

    keep(rows, rooms, room => room.room_id, create, fill);

    if (had_focus && !rows.contains(document.activeElement)) {
        by(`${name}-title`).focus();
    }

    rows.parentElement.hidden = rooms.length === 0;
    say(by(`${name}-none`), rooms.length ? ''
        : text === '' ? none : `Nothing here has “${text}”.`);
    show(by(`${name}-more`), list.more);
}


/* --- what the page asks for */

export async function load_live() {
    await load(live);
    await look_up();
}


export function draw_live() {
    draw(live, 'calls', create_live, fill_live, 'Nobody calls anybody now.');
    tick();

    const states = live.rooms.map(room => state_of(room)[0]);
    const of = state => states.filter(s => s === state).length;

    say(by('tile-calls'), `${live.rooms.length}${live.more ? '+' : ''}`);
    say(by('tile-calls-more'),
        `${of('rings')} ringing, ${of('talks')} talking`);
}


export function load_ended() {
    return load(ended);
}


export function draw_ended() {
    draw(ended, 'endings', room => create_row(room, ENDED_LABELS), fill_ended,
        'No call that is still remembered has ended.');

    const finished = ended.rooms.filter(room => room.status === 2).length;

    say(by('tile-endings'), `${ended.rooms.length}${ended.more ? '+' : ''}`);
    say(by('tile-endings-more'), `${finished} finished`);
}


/* the time goes on between two polls */

export function tick() {
    for (const cell of document.querySelectorAll('#calls-rows [data-since]')) {
        say(cell, duration(api.now() / 1000 - cell.dataset.since));
    }
}


async function end(room_id) {
    if (!await confirm('End this call?',
        `Everybody in ${room_id} is disconnected. It cannot be undone.`,
        'End the call'))
    {
        return;
    }

    try {
        await api.post(`/rooms/${encodeURIComponent(room_id)}/end`, {});
        say(by('calls-said'), `${room_id} has ended.`);

    } catch (error) {
        say(by('calls-said'), `${room_id} was not ended: ${error.message}`);
    }

    refresh();
}


let refresh;

export function start(poll) {
    let timer;

    refresh = poll;

    by('find-text').addEventListener('input', () => {
        text = by('find-text').value.trim();
        is_room = null;
        found = [];
        draw_live();
        draw_ended();

        clearTimeout(timer);
        timer = setTimeout(refresh, 400);
    });

    by('find').addEventListener('submit', event => event.preventDefault());

    for (const [name, list] of [['calls', live], ['endings', ended]]) {
        by(`${name}-more`).addEventListener('click', () => {
            list.wanted += PAGE;
            refresh();
        });
    }
}
