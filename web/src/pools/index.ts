/** Pools: what is scarce has a cap, an allowance and a price; arithmetic without clock and storage (P1–P7). */
export type { Zone } from "./calendar";
export { type Pool, poolsOf } from "./declared";
export type { Asked, Used } from "./draws";
export { Ledger, type Refused } from "./ledger";
export { declined, hear, type Word } from "./word";
export { isZone, zoneTable } from "./zones";
