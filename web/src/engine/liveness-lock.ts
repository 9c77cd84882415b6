/** Signs of life: a Web Lock held by whoever lives, granted to whoever wants to know once it lets go or dies. */
import { randomId } from "../base";

export interface Life {
  /** The lock's name; null where there are no locks (no secure context): nobody will know. */
  name: string | null;
  release: () => void;
}

/** Hold a lock under a name of its own until it is released, or this page or worker dies. */
export async function holdLife(of: "page" | "engine"): Promise<Life> {
  return hold(`sporewright ${of} ${randomId()}`, {});
}

/** Say that this page uses the `nth` thing of that name, together with whoever else says so, and no earlier one than others do. */
export async function useLatest(name: string, nth: number): Promise<Life & { nth: number }> {
  const { held = [] } =
    (await locksHere()
      ?.query()
      .catch(() => undefined)) ?? {};
  const used = held
    .filter((lock) => lock.name?.startsWith(`${name} `))
    .map((lock) => Number(lock.name?.slice(name.length)));
  const latest = Math.max(nth, ...used);
  return { ...(await hold(`${name} ${latest}`, { mode: "shared" })), nth: latest };
}

async function hold(name: string, how: LockOptions): Promise<Life> {
  const locks = locksHere();
  const none: Life = { name: null, release: () => undefined };
  if (!locks) return none;
  return new Promise((resolve) => {
    const held = (): Promise<void> =>
      new Promise((release) => {
        resolve({ name, release });
      });
    locks.request(name, how, held).catch(() => {
      resolve(none);
    });
  });
}

/** Call `gone` once the holder of this lock has let go of it; not after `signal`. */
export function outlive(name: string, gone: () => void, signal?: AbortSignal): void {
  locksHere()
    ?.request(name, signal ? { signal } : {}, gone)
    .catch(() => undefined); // aborted, or locks are not to be had after all
}

function locksHere(): LockManager | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
}
