// Asking: sends the question, and shows the events of the answer as they come.
// Whatever comes is set as text, never as HTML.
"use strict";

(() => {
  const form = document.getElementById("ask");
  if (!form) {
    return;
  }
  const log = document.getElementById("log");
  const question = document.getElementById("question");
  const session = document.getElementById("session");
  const send = document.getElementById("send");
  const stop = document.getElementById("stop");
  const state = document.getElementById("state");
  let running = null;

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) {
      element.className = className;
    }
    if (text !== undefined) {
      element.textContent = text;
    }
    return element;
  };

  const link = (address, text) => {
    const element = make("a", "", text);
    element.href = address;
    return element;
  };

  const plural = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;

  const readable = (value) => {
    if (typeof value === "string") {
      return value;
    }
    return JSON.stringify(value, null, 2);
  };

  // exchange shows one question and what comes of it.
  class Exchange {
    constructor(text) {
      this.calls = new Map();
      this.scripts = new Set();
      this.ended = false; // by an event, not because the connection broke
      this.whole = false;
      this.root = make("article", "exchange");
      this.root.append(make("h2", "hidden", "Question"), make("p", "asked", text));
      log.append(this.root);
      this.root.scrollIntoView({ block: "nearest" });
    }

    // text goes on where the last words ended, unless a call came between.
    text(words) {
      if (!this.root.lastElementChild.classList.contains("answer")) {
        this.root.append(make("p", "answer", ""));
      }
      this.root.lastElementChild.append(words);
    }

    call(call) {
      let list = this.root.lastElementChild;
      if (!list.classList.contains("calls")) {
        list = make("ul", "calls");
        list.setAttribute("aria-label", "Calls");
        this.root.append(list);
      }
      const item = make("li");
      const details = make("details");
      const summary = make("summary");
      const outcome = make("span", "outcome", call.dry ? "not sent" : "…");
      summary.append(
        make("span", `method ${String(call.method || "").toLowerCase()}`, call.method || "?"),
        make("span", "service", call.service || ""),
        make("span", "path", call.path || call.name || ""),
        outcome,
      );
      details.append(summary);
      if (call.arguments !== undefined) {
        details.append(make("pre", "", readable(call.arguments)));
      }
      item.append(details);
      list.append(item);
      this.calls.set(call.id, { call, details, outcome });
      state.textContent = `${plural(this.calls.size, "call")}, working…`;
    }

    result(call) {
      const known = this.calls.get(call.id);
      if (!known) {
        return;
      }
      known.outcome.textContent = call.dry
        ? "not sent"
        : [call.status || "failed", `${call.milliseconds || 0} ms`].join(" · ");
      known.outcome.classList.add(call.failed ? "failed" : "done");
      if (call.detail) {
        known.details.append(make("p", "detail", call.detail));
      }
      if (!call.failed && !call.dry && call.method !== "GET") {
        this.remember(call.service, call.path, known.call.arguments);
      }
    }

    // remember notes which script a change belongs to.
    remember(service, path, given) {
      const found = /^\/(?:scripts|stories)\/(\d+)/.exec(path || "");
      if (found && (service === "scriptmanagement" || service === "storyfactory")) {
        this.scripts.add(found[1]);
      }
      const id = given && given.scriptId;
      if (Number.isSafeInteger(id) && id > 0) {
        this.scripts.add(String(id));
      }
    }

    note(text, className) {
      this.root.append(make("p", className || "remark", text));
    }

    end(event) {
      this.ended = true;
      (event.written || []).forEach((change) => this.remember(change.service, change.undo || change.path));
      const changes = (event.written || []).length;
      const parts = [changes ? plural(changes, "change") : "Nothing was changed"];
      if (event.usage) {
        parts.push(plural(event.usage.calls || 0, "call"));
        parts.push(plural(event.usage.tokens || 0, "token"));
      }
      const line = make("p", "sum", `${parts.join(", ")}.`);
      this.scripts.forEach((id) => line.append(" ", link(`/scripts/${id}`, `Read script ${id}`)));
      this.root.append(line);
    }

    failed(problem) {
      const title = (problem && problem.title) || "The answer did not come to an end";
      const detail = (problem && (problem.detail || problem.message)) || "";
      this.note(detail ? `${title}: ${detail}` : title, "notice wrong");
      if (problem && problem.status === 401) {
        this.root.lastElementChild.append(" ", link("/login?next=%2Fask", "Log in"));
      }
    }

    event(event) {
      if (event.session > 0) {
        session.value = event.session;
      }
      switch (event.type) {
        case "text":
          this.text(event.text || "");
          break;
        case "call":
          this.call(event.call);
          break;
        case "result":
          this.result(event.call);
          break;
        case "note":
          this.note(event.text || "");
          break;
        case "error":
          this.failed(event.problem);
          this.end(event);
          break;
        case "done":
          this.whole = true;
          this.end(event);
          break;
      }
    }
  }

  // eventsOf reads a stream of server-sent events.
  async function* eventsOf(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    let data = [];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      buffer += value;
      // A carriage return at the end may be half of a line end.
      const lines = buffer.split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) {
          data.push(line.slice(5).replace(/^ /, ""));
        } else if (line === "" && data.length) {
          yield JSON.parse(data.join("\n"));
          data = [];
        }
      }
    }
  }

  async function refusal(response) {
    try {
      return await response.json();
    } catch {
      return { title: `The server answered ${response.status}`, status: response.status };
    }
  }

  async function ask(exchange, signal) {
    const response = await fetch("/v1/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({
        question: question.value,
        session: Number(session.value) || 0,
        allowDestructive: document.getElementById("allow-destructive").checked,
        dryRun: document.getElementById("dry-run").checked,
      }),
      signal,
    });
    if (!response.ok) {
      exchange.failed(await refusal(response));
      return "The question was not answered.";
    }
    for await (const event of eventsOf(response.body)) {
      exchange.event(event);
    }
    if (!exchange.ended) {
      exchange.note("The connection broke off before the answer was whole. What was done so far stays; ask again to go on.", "notice wrong");
      return "The answer broke off.";
    }
    return exchange.whole ? "Done." : "The answer did not come to an end.";
  }

  const busy = (is) => {
    send.disabled = is;
    stop.hidden = !is;
    log.setAttribute("aria-busy", String(is));
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running || !question.value.trim()) {
      return;
    }
    const exchange = new Exchange(question.value);
    running = new AbortController();
    busy(true);
    stop.focus();
    state.textContent = "Working…";
    let outcome;
    try {
      outcome = await ask(exchange, running.signal);
      if (exchange.whole) {
        question.value = "";
      }
    } catch (error) {
      outcome = running.signal.aborted ? "Stopped." : "The answer broke off.";
      exchange.note(
        running.signal.aborted
          ? "You stopped it. What was done so far stays."
          : "The server cannot be reached. See that it is running, and ask again.",
        running.signal.aborted ? "remark" : "notice wrong",
      );
    }
    running = null;
    busy(false);
    state.textContent = outcome;
    question.focus();
  });

  stop.addEventListener("click", () => running && running.abort());

  // Ctrl or Cmd with Enter sends, as in many editors.
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  send.disabled = false;
})();
