// Copyright (C) TgoRTC contributors
//
// The app's backend, to try things out: prints the webhooks that it gets.
//
//     node demo-endpoint.mjs PORT-OR-SOCKET

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
}).listen(process.argv[2], '127.0.0.1');
