/*
 * Copyright (C) TgoRTC contributors
 *
 * The chart of an endpoint: what was delivered and given up in each ten
 * seconds, and how much waits, from the counts of one poll after the other.
 */

import { make } from './dom.js';
import { count } from './format.js';

const STEP = 10000;
const STEPS = 30;

/* after so long without counts nobody knows when what happened */
const GAP = 3 * STEP;

/* units of the drawing: a step is ten wide */
const BARS = 40;
const WAITING = 24;
const SPACE = 6;

let charts = 0;


function svg(name, attributes) {
    const element = document.createElementNS('http://www.w3.org/2000/svg',
        name);

    for (const [attribute, value] of Object.entries(attributes)) {
        element.setAttribute(attribute, value);
    }

    return element;
}


export class Chart {
    constructor() {
        const n = ++charts;

        this.steps = [];
        this.last = null;

        this.caption = make('figcaption', { id: `chart-text-${n}` });
        this.drawing = svg('svg', { role: 'img', class: 'chart',
            viewBox: `0 0 ${10 * STEPS} ${BARS + SPACE + WAITING}`,
            preserveAspectRatio: 'none', 'aria-labelledby': this.caption.id });
        this.marks = svg('g', {});

        /* given up is hatched: colour is not all that tells it */

        const hatch = svg('pattern', { id: `chart-hatch-${n}`, width: 3,
            height: 3, patternUnits: 'userSpaceOnUse',
            patternTransform: 'rotate(45)' });

        hatch.append(svg('rect', { class: 'hatch', width: 2, height: 3 }));
        this.hatch = `url(#${hatch.id})`;

        this.drawing.append(hatch, this.marks,
            svg('path', { class: 'axis', d: `M0 ${BARS}h${10 * STEPS}` }),
            svg('path', { class: 'axis',
                d: `M0 ${BARS + SPACE + WAITING}h${10 * STEPS}` }));

        this.figure = make('figure', {}, this.drawing,
            make('p', { class: 'scale', 'aria-hidden': 'true' },
                make('span', {}, '5 min ago'),
                make('span', { class: 'ok' }, 'delivered'),
                make('span', { class: 'bad' }, 'given up'),
                make('span', { class: 'waiting' }, 'waiting'),
                make('span', {}, 'now')),
            this.caption);
    }


    /* takes the counts of an endpoint at a time (ms) */

    add(counts, time) {
        const n = Math.floor(time / STEP);
        const { last } = this;
        let step = this.steps.at(-1);

        if (!step || step.n < n) {
            step = { n, delivered: 0, dead: 0, waiting: 0 };
            this.steps.push(step);
        }

        /* counts go back when what was given up is sent again */

        if (last && time - last.time < GAP) {
            step.delivered += Math.max(0, counts.success_count - last.success);
            step.dead += Math.max(0, counts.failed_count - last.failed);
        }

        step.waiting = Math.max(step.waiting, counts.pending_count);

        this.last = { time, success: counts.success_count,
                      failed: counts.failed_count,
                      waiting: counts.pending_count };
        this.steps = this.steps.filter(old => old.n > n - STEPS);
        this.draw(n);
    }


    draw(now) {
        const sum = what => this.steps.reduce((all, s) => all + s[what], 0);
        const most = Math.max(1, ...this.steps.map(
            s => s.delivered + s.dead));
        const longest = Math.max(...this.steps.map(s => s.waiting));
        const marks = [];

        for (const s of this.steps) {
            const x = 10 * (STEPS - 1 - now + s.n);
            const ok = BARS * s.delivered / most;
            const dead = BARS * s.dead / most;
            const high = WAITING * s.waiting / Math.max(1, longest);

            marks.push(
                svg('rect', { class: 'ok', x: x + 1, width: 8, height: ok,
                    y: BARS - ok }),
                svg('rect', { x: x + 1, width: 8, height: dead,
                    y: BARS - ok - dead, fill: this.hatch }),
                svg('rect', { class: 'waiting', x, width: 10, height: high,
                    y: BARS + SPACE + WAITING - high }));
        }

        this.marks.replaceChildren(...marks);

        const text = 'Last 5 minutes: '
            + `${count(sum('delivered'), 'event', 'events')} delivered,`
            + ` ${sum('dead')} given up; ${this.last.waiting} waiting now,`
            + ` at most ${longest}.`;

        if (this.caption.textContent !== text) {
            this.caption.textContent = text;
        }
    }
}
