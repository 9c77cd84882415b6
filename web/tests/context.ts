/** What a routed fetch is lent in a test: these upstreams, in their order; nobody listens but whom the test names. */
import type { FetchContext } from "../src/call/call-context";
import { PLAN } from "../src/generated/plan";
import { Health } from "../src/routing/health";
import { basesOf } from "../src/config/bases";
import type { Upstream } from "../src/types";

export function contextOf(upstreams: Record<string, Upstream>, more: Partial<FetchContext> = {}): FetchContext {
  const { plan = PLAN } = more;
  const { health = new Health(plan) } = more;
  return {
    queue: () => Object.keys(upstreams),
    plan,
    health,
    upstreams,
    bases: basesOf(upstreams),
    onAttempt: () => undefined,
    onOutcome: () => undefined,
    onRestart: () => undefined,
    permit: (kind, option) => health.permit(kind, option, Date.now() / 1000),
    ...more,
  };
}
