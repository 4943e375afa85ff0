/*
 * Copyright (C) TgoRTC contributors
 *
 * How the endpoints of webhooks are.
 */

import * as api from './api.js';
import { Chart } from './chart.js';
import { by, foreign, keep, make, say } from './dom.js';
import { age, number } from './format.js';

const BREAKER = {
    closed: 'Delivering',
    open: 'Breaker open: nothing is sent for some seconds',
    'half-open': 'Breaker half-open: the next event is a try'
};

let stats;


/* an endpoint that is gone has no name, only counts */

function key_of(endpoint) {
    return endpoint.name ?? '';
}


function create(endpoint) {
    const title = make('h3', {}, endpoint.name === null
        ? 'An endpoint that is gone' : foreign(endpoint.name));
    const card = make('li', { class: 'card' }, title,
        make('span', { class: 'badge' }), make('dl'));

    for (const label of ['Delivered', 'Given up', 'Waiting', 'Oldest waits']) {
        card.lastElementChild.append(make('div', {}, make('dt', {}, label),
            make('dd')));
    }

    card.chart = new Chart();
    card.append(card.chart.figure);

    return card;
}


function fill(card, endpoint) {
    const badge = card.querySelector('.badge');
    const values = card.querySelectorAll('dd');
    const oldest = endpoint.oldest_pending_seconds;

    badge.dataset.state = endpoint.breaker;
    say(badge, BREAKER[endpoint.breaker] ?? endpoint.breaker);
    badge.hidden = endpoint.name === null;

    say(values[0], number(endpoint.success_count));
    say(values[1], number(endpoint.failed_count));
    say(values[2], number(endpoint.pending_count));
    say(values[3], oldest === null ? '–' : age(oldest));
    values[1].dataset.bad = endpoint.failed_count > 0;

    card.chart.add(endpoint, api.now());
}


export async function load() {
    stats = (await api.get('/webhooks/logs/stats')).data;
}


export function draw() {
    const { endpoints } = stats;
    const open = endpoints.filter(e => e.breaker !== 'closed').length;
    const oldest = Math.max(0, ...endpoints.map(
        e => e.oldest_pending_seconds ?? 0));

    keep(by('endpoints-cards'), endpoints, key_of, create, fill);
    say(by('endpoints-none'), endpoints.length ? ''
        : 'No webhook endpoint is configured, and none ever was.');

    say(by('tile-pending'), number(stats.pending_count));
    say(by('tile-pending-more'), open
        ? `${number(open)} of ${number(endpoints.length)} endpoints in trouble`
        : stats.pending_count ? `the oldest ${age(oldest)}` : 'all delivered');
    by('tile-pending-more').dataset.bad = open > 0;

    say(by('tile-failed'), number(stats.failed_count));
    say(by('tile-failed-more'), `of ${number(stats.total_count)} deliveries`);

    return {
        endpoints: endpoints.map(e => e.name).filter(name => name !== null),
        types: Object.keys(stats.by_event)
    };
}
