import { createServer } from 'node:http';

createServer((request, response) => {
  response.statusCode = request.url === '/health' ? 200 : 404;
  response.end('{"status":"ok"}');
}).listen(Number(process.env.PORT), '127.0.0.1');
