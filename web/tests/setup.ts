/** Node is no browser, and a router refuses it; in these tests it stands for a worker of a page. */
Object.assign(globalThis, { self: globalThis, WorkerGlobalScope: EventTarget });
