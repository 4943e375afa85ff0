/*
 * Copyright (C) TgoRTC contributors
 *
 * Values to try a JSON Schema with: those it has to take and those it has to
 * refuse, at each of its limits and well away from them.  Which is which,
 * a validator says; here they are only made.
 */


/* keywords that are understood, or say nothing about a value */

const KEYWORDS = ['$ref', 'anyOf', 'const', 'default', 'description', 'enum',
    'example', 'examples', 'format', 'items', 'maxItems', 'maxLength',
    'maximum', 'minItems', 'minLength', 'minimum', 'pattern', 'properties',
    'required', 'type', 'uniqueItems', 'x-max-bytes'];

const ODD = [null, true, false, 0, 1, -1, 1.5, '', '1', 'x', [], {}, ['x'],
    [null], { x: 1 }];

const STRINGS = ['.', '..', '...', 'sync', 'Sync', 'a b', ' ', '"', '\\',
    'a/b', 'a?b', 'a#b', '%', '%41', '+', '&', '=', '{}', '<b>', '\'', '用户',
    'é', '😀', 'ﬀ', '\u202e', '\ufeff', '\x7f', '\x80', '\x9f', '\xa0', '\n',
    '\t', '\r\n', '\x1b', 'null', 'A-Z_a.z~0:9@', '1-2', '0-0', '12', '1-',
    '-1', '1704096500000-0', '9'.repeat(15) + '-' + '9'.repeat(15),
    '9'.repeat(16) + '-0', 'room.started', 'room.Started', 'a'.repeat(2000)];

/* how an integer is not to be written, a string neither, nor a document */

export const NUMBERS = ['1.0', '2.0', '1e0', '10e-1', '01', '+1', '0x1', '1.',
    '.5', 'NaN', 'Infinity', '-', '"1"', '9'.repeat(70), '1 2'];

export const TEXTS = ['"a\\u0000b"', '"\\ud800"', '"\\udc00a"', '"a\nb"',
    '"\\x41"', '"\\u12"', '"a', "'a'", 'a', '"\xff"', '"\xc0\x80"',
    '"\xed\xa0\x80"', '"\xf4\x90\x80\x80"', '"\xe2\x82"']
    .map(text => Buffer.from(text, 'latin1'));

export const DOCUMENTS = ['', ' ', '{', '}', '[]', '[{}]', '"x"', '1', 'null',
    'true', 'x', '{}{}', '{} x', '{},', '{"x":1,}', '{"x"}', '{x:1}',
    '{"x":1 "y":2}', '{"x":1,"x":2}', '{"x":1,"\\u0078":1}', '/**/{}',
    '{"x":{"y":{"z":1}}}', '{"x":[[1]]}', '['.repeat(1000),
    '{"x":'.repeat(1000), '\ufeff{}', '{"x":1}\0', '{"a\\u0000b":1}'];


/* numbers that are the same for the same seed (mulberry32) */

export function random(seed) {
    let state = seed >>> 0;

    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;

        let t = Math.imul(state ^ (state >>> 15), 1 | state);

        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;

        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };

    const below = n => Math.floor(next() * n);

    return { below, pick: list => list[below(list.length)] };
}


/* resolve(): what a reference means; is_valid(schema, value) judges */

export function generator(resolve, is_valid, dice) {

    function whole(schema) {
        const { $ref, ...rest } = schema;

        if ($ref) {
            return { ...whole(resolve($ref)), ...rest };
        }

        for (const keyword of Object.keys(rest)) {
            if (!KEYWORDS.includes(keyword)) {
                throw new Error(`no values are made for "${keyword}"`);
            }
        }

        return rest;
    }

    function numbers(schema) {
        const limits = [schema.minimum, schema.maximum].filter(
            limit => limit !== undefined);
        const around = limits.flatMap(limit => [limit - 1, limit, limit + 1]);
        const low = schema.minimum ?? 0;
        const high = schema.maximum ?? low + 1000;

        return [...around, low + dice.below(high - low + 1), -5, 1e6,
            2 ** 31, 2 ** 32 + 1, 2 ** 53, 2 ** 63, -(2 ** 63), 1e300];
    }

    function strings(schema) {
        const ends = [schema.minLength, schema.maxLength].filter(
            length => length !== undefined);
        const lengths = ends.flatMap(
            length => [length - 1, length, length + 1]).filter(n => n >= 0);
        const bytes = schema['x-max-bytes'] ?? 0;
        const letters = 'abcXYZ0189_-.~:@ éß用户😀';
        const drawn = Array.from({ length: 4 }, () => Array.from(
            { length: 1 + dice.below(schema.maxLength ?? 40) },
            () => dice.pick([...letters])).join(''));

        return [...STRINGS, ...drawn, ...lengths.map(n => 'a'.repeat(n)),
            ...['é', '用', '😀'].flatMap(character => {
                const n = Math.floor(bytes / Buffer.byteLength(character));

                return [character.repeat(n), character.repeat(n + 1),
                    character.repeat(bytes)];
            })];
    }

    function arrays(schema) {
        const items = schema.items ?? {};
        const good = n => Array.from({ length: n }, (_, i) => valid(items, i));
        const some = good(2);
        const limits = [schema.minItems, schema.maxItems].filter(
            limit => limit !== undefined);

        return [[], good(1), some, [...some, ...some], good(3), good(50),
            ...limits.flatMap(n => [n - 1, n, n + 1]).filter(n => n >= 0)
                .map(good),
            ...values(items).map(value => [...some, value])];
    }

    function objects(schema) {
        const properties = schema.properties ?? {};
        const full = valid(schema, 0);
        const least = Object.fromEntries((schema.required ?? []).map(
            name => [name, full[name]]));
        const list = [full, least, {}, { ...full, unknown: 1 },
            { ...least, unknown: [1], '': {}, Unknown: { x: null } },
            { ...least, '用户 😀': 'x'.repeat(1000) }];

        for (const name of Object.keys(properties)) {
            const { [name]: gone, ...others } = full;

            list.push(others, { ...least, [name.toUpperCase()]: gone });
            list.push(...values(properties[name]).flatMap(
                value => [{ ...full, [name]: value },
                    { ...least, [name]: value }]));
        }

        return list;
    }

    /* a value that the schema takes, another one for each n */

    function valid(schema, n) {
        const known = whole(schema);

        if (known.type === 'object' && !known.examples) {
            return Object.fromEntries(Object.entries(known.properties ?? {})
                .map(([name, property]) => [name, valid(property, n)]));
        }

        const list = [...known.examples ?? [], ...known.enum ?? []];

        if ('const' in known) {
            list.push(known.const);
        }

        const of_its_own = known.type === 'string'
            ? [`${list[0] ?? 'a'}-${n}`, `a${n}`] : [];
        const found = [...n ? of_its_own : [], ...list, ...of_its_own,
            ...known.type === 'array' ? [[valid(known.items ?? {}, n)]] : [],
            known.minimum ?? 1, true].find(value => is_valid(schema, value));

        if (found === undefined) {
            throw new Error(`no value found for ${JSON.stringify(known)}`);
        }

        return found;
    }

    /* many values, of which it takes some */

    function values(schema) {
        const known = whole(schema);
        const types = [known.type ?? []].flat();
        const list = [...ODD, ...known.examples ?? [], ...known.enum ?? []];

        if ('default' in known) {
            list.push(known.default);
        }

        for (const type of types) {
            if (type === 'integer' || type === 'number') {
                list.push(...numbers(known));

            } else if (type === 'string') {
                list.push(...strings(known));

            } else if (type === 'array') {
                list.push(...arrays(known));

            } else if (type === 'object') {
                list.push(...objects(known));
            }
        }

        return [...new Map(list.map(
            value => [JSON.stringify(value), value])).values()];
    }

    /* several properties at once take one of their values */

    function mixed(schema) {
        const object = valid(schema, 0);

        for (const [name, property] of Object.entries(
            whole(schema).properties ?? {}))
        {
            const what = dice.below(4);

            if (what === 0) {
                delete object[name];

            } else if (what === 1) {
                object[name] = dice.pick(values(property));
            }
        }

        return object;
    }

    return { whole, valid, values, mixed };
}
