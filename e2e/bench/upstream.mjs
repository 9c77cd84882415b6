/** An upstream that answers at once, in a process of its own: prints its port. */
import { createServer } from "node:http";

const HEADERS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-max-age": "600",
  "content-type": "application/json",
};
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    response.writeHead(request.method === "OPTIONS" ? 204 : 200, HEADERS);
    response.end(request.method === "OPTIONS" ? "" : '{"ok":true}');
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
