/*
 * Copyright (C) TgoRTC contributors
 *
 * Elements.  What comes from outside gets into the page as text only.
 */

export function by(id) {
    return document.getElementById(id);
}


/* of "children" strings become text, null is left out */

export function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);

    for (const [attribute, value] of Object.entries(attributes)) {
        element.setAttribute(attribute, value);
    }

    element.append(...children.filter(child => child !== null));

    return element;
}


/* text from outside, whatever direction it is written in */

export function foreign(text) {
    return make('bdi', {}, text);
}


/* what stays as it is is left alone: selections, and who listens */

export function say(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}


export function show(element, shown) {
    if (element.hidden === shown) {
        element.hidden = !shown;
    }
}


/*
 * Keeps the children of an element in step with a list, so that whoever has
 * the focus in one of them keeps it.  "create" makes a child, "fill" puts an
 * item into it.
 */

const kept = new WeakMap();

export function keep(parent, items, key_of, create, fill) {
    const old = kept.get(parent) ?? new Map();
    const children = new Map();

    for (const item of items) {
        let key = key_of(item);

        while (children.has(key)) {
            key += '+';
        }

        children.set(key, [old.get(key) ?? create(item), item]);
    }

    for (const [key, child] of old) {
        if (!children.has(key)) {
            child.remove();
        }
    }

    let next = parent.firstElementChild;

    for (const [child, item] of children.values()) {
        if (child === next) {
            next = next.nextElementSibling;
        } else {
            parent.insertBefore(child, next);
        }

        fill(child, item);
    }

    kept.set(parent, new Map([...children].map(
        ([key, [child]]) => [key, child])));
}


/*
 * A row of empty cells with these labels, which stand in it where the table is
 * too narrow for columns.  Roles are given, as the display of a row changes
 * there.
 */

export function row(labels, heading) {
    return make('tr', { role: 'row' }, ...labels.map((label, i) =>
        i === heading
            ? make('th', { scope: 'row', role: 'rowheader',
                           'data-label': label })
            : make('td', { role: 'cell', 'data-label': label })));
}


/* asks in a dialog; true for yes */

export function confirm(title, text, yes) {
    const dialog = by('confirm');

    say(by('confirm-title'), title);
    say(by('confirm-text'), text);
    say(by('confirm-yes'), yes);

    dialog.returnValue = '';
    dialog.showModal();
    by('confirm-no').focus();

    return new Promise(resolve => dialog.addEventListener('close',
        () => resolve(dialog.returnValue === 'yes'), { once: true }));
}

by('confirm-yes').addEventListener('click', () => by('confirm').close('yes'));
by('confirm-no').addEventListener('click', () => by('confirm').close(''));
