import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { createClient } from "../src/index.js";
import { useNotifications } from "../src/react.js";

test("the hook gives what is known and what can be done, also where no browser is", () => {
  const client = createClient({ url: "http://127.0.0.1:1" });
  function Count() {
    const { unread, status, markAllRead } = useNotifications(client);
    assert.equal(typeof markAllRead, "function");
    return createElement("b", null, `${unread} ${status}`);
  }
  assert.equal(renderToStaticMarkup(createElement(Count)), "<b>0 connecting</b>");
  client.close();
});
