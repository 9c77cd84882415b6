/** Pools: what is scarce has a cap, an allowance and a price; arithmetic without clock and storage (P1–P7). */
export { poolsOf } from "./declared";
export type { Word } from "./word";
export { isZone } from "./zones";
