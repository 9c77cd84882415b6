/** Decides what a routed call does, without I/O, and keeps the health of the options. */
export { Affinity, turnOf } from "./affinity";
export { wordsOf } from "./allowance-headers";
export { AnswerReader, type Effect, HANDED, WHY } from "./answer-reader";
export type { AttemptChain } from "./attempt-chain";
export { AttemptReports, type Measured, type Report } from "./attempt-reports";
export { type Ending, isRepeatable, ruleOf, says } from "./classify";
export { Gaps } from "./clock-gap";
export type { Body, CallTraits, Decision, Step } from "./decisions";
export { Health } from "./health";
export { type TokenCount, tokensOf } from "./call-size";
export { type Arranged, arrange, figuresFor, whySkipped } from "./preferences";
export { RecordedChain } from "./recording";
export { paceSeconds } from "./retry-after";
