/*
 * Copyright (C) TgoRTC contributors
 *
 * Times, and numbers, as they are read.
 */

const clock = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', {
    day: 'numeric', month: 'short' });
const numbers = new Intl.NumberFormat('en-GB');


export function number(n) {
    return numbers.format(n);
}


export function count(n, one, many) {
    return `${number(n)} ${n === 1 ? one : many}`;
}


/* "14:02:11", with the day in front of it if that is not today */

export function time(ms) {
    const today = day.format(Date.now());
    const that = day.format(ms);

    return that === today ? clock.format(ms) : `${that}, ${clock.format(ms)}`;
}


/* a time element in step with seconds since 1970 */

export function set_time(element, seconds) {
    const ms = 1000 * seconds;
    const text = time(ms);

    if (element.textContent !== text) {
        element.textContent = text;
        element.dateTime = new Date(ms).toISOString();
        element.title = element.dateTime;
    }
}


/* "0:07", "12:40", "1:02:03" */

export function duration(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    const pad = n => String(n).padStart(2, '0');
    const hours = Math.floor(s / 3600);
    const minutes = Math.floor(s / 60) % 60;

    return hours ? `${hours}:${pad(minutes)}:${pad(s % 60)}`
                 : `${minutes}:${pad(s % 60)}`;
}


/* "0.4 s", "12 s", "3 min", "5 h", "2 d" */

export function age(seconds) {
    if (seconds < 10) {
        return `${seconds.toFixed(1)} s`;
    }

    const units = [[60, 1, 's'], [3600, 60, 'min'], [172800, 3600, 'h'],
        [Infinity, 86400, 'd']];
    const [, size, unit] = units.find(([limit]) => seconds < limit);

    return `${Math.floor(seconds / size)} ${unit}`;
}


/* what an input of the type datetime-local takes */

export function local(ms) {
    const date = new Date(ms);

    return new Date(ms - 60000 * date.getTimezoneOffset())
        .toISOString().slice(0, 19);
}
