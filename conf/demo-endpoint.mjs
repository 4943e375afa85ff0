// Copyright (C) TgoRTC contributors
//
// The app's backend of "make run": prints the webhooks that it gets.

import http from 'node:http';

http.createServer((request, response) => {
    let body = '';

    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => {
        const type = request.headers['x-event-type'];
        const seq = request.headers['x-event-seq'];

        console.log(`webhook ${seq} ${type} ${body}`);
        response.end();
    });
}).listen(process.argv[2]);
