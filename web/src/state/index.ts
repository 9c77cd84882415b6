/** The state that a page shows and remembers: queues, watches, the health of options, in IndexedDB. */
export { CorsHistory } from "./cors-history";
export { CursorQueues } from "./cursor-queues";
export { Database } from "./database";
export { HealthCache } from "./health-cache";
export { Mirror } from "./mirror";
export { PoolStore } from "./pool-store";
export { Queues } from "./queues";
export { Watch } from "./watch";
