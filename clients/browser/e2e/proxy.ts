// What stands in front in production: one origin, with the stream and its long polling from the edge, and everything else from
// the inbox. It can be told to answer 503, as proxies do that lost what is behind them.

import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const OF_THE_EDGE = /^\/v1\/(stream|events)(\?|$)/;

export interface Answered {
  readonly path: string;
  readonly status: number;
}

export class Proxy {
  edge: string;
  /** Every answer that was begun. */
  readonly answered: Answered[] = [];
  readonly #dev: string;
  readonly #server: Server;
  #refused: RegExp | null = null;

  private constructor(dev: string, edge: string) {
    [this.#dev, this.edge] = [dev, edge];
    this.#server = createServer((asked, answer) => this.#pass(asked, answer));
  }

  static async start(dev: string, edge: string): Promise<Proxy> {
    const proxy = new Proxy(dev, edge);
    await new Promise<void>((listening) => proxy.#server.listen(0, "127.0.0.1", listening));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many answers with this status there were for paths that begin so. */
  count(path: string, status: number): number {
    return this.answered.filter((answer) => answer.path.startsWith(path) && answer.status === status).length;
  }

  /** From now on every answer is 503, or every answer of the edge; what is open is cut. */
  refuse(what: "everything" | "edge"): void {
    this.#refused = what === "edge" ? OF_THE_EDGE : /^/;
    this.#server.closeAllConnections();
  }

  passAgain(): void {
    this.#refused = null;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const path = asked.url ?? "/";
    if (this.#refused?.test(path)) {
      asked.resume();
      this.#begin(path, answer.writeHead(503, { "content-type": "text/plain" })).end("no server\n");
      return;
    }
    const origin = OF_THE_EDGE.test(path) ? this.edge : this.#dev;
    const { method, headers } = asked;
    const behind = request(new URL(path, origin), { method, headers, agent: false }, (told) => {
      this.#begin(path, answer.writeHead(told.statusCode ?? 502, told.headers));
      answer.flushHeaders();
      told.pipe(answer);
      told.on("error", () => answer.destroy());
    });
    behind.on("error", () => {
      if (answer.headersSent) answer.destroy();
      else this.#begin(path, answer.writeHead(502)).end();
    });
    answer.on("close", () => behind.destroy());
    asked.pipe(behind);
  }

  #begin(path: string, answer: ServerResponse): ServerResponse {
    this.answered.push({ path, status: answer.statusCode });
    return answer;
  }
}
