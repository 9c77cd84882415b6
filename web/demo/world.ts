/** What this page asks its own origin for: the config, the upstreams, a token. */
import type { TensorConfig } from "../src/types";

export const FAULTS = ["none", "slow", "rate_limit", "error", "empty", "unauthorized", "reset", "silent"] as const;
export type Fault = (typeof FAULTS)[number];

export interface Provider {
  url: string;
  /** Seconds, as measured. */
  p50_s: number;
  p95_s: number;
  rate_limited: number;
}

export interface World {
  config: TensorConfig;
  upstreams: Record<string, Provider>;
  time_factor: number;
  sources: Record<string, string>;
}

export interface Grant {
  token: string;
  workspace: string;
  device: string;
}

const DEVICE_KEY = "sporewright-demo-device";

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return (await response.json()) as T;
}

/** Everything the demo's server says about itself; rejects where there is no demo behind this page. */
export async function loadWorld(): Promise<World> {
  const [config, rest] = await Promise.all([
    json<TensorConfig>("/demo/config.json"),
    json<Omit<World, "config">>("/demo/upstreams.json"),
  ]);
  return { config, ...rest };
}

/** A token for this profile's device; the name given the first time is kept, so a returning tab is the same device. */
export async function grant(): Promise<Grant> {
  const headers = { "Content-Type": "application/json" };
  const device = remembered();
  const given = await json<Grant>("/demo/token", { method: "POST", headers, body: JSON.stringify({ device }) });
  remember(given.device);
  return given;
}

export async function readFault(provider: Provider): Promise<Fault> {
  return (await json<{ kind: Fault }>(`${provider.url}/_fault`)).kind;
}

export async function writeFault(provider: Provider, kind: Fault): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  await json(`${provider.url}/_fault`, { method: "POST", headers, body: JSON.stringify({ kind, retry_after_s: 5 }) });
}

function remembered(): string | null {
  try {
    return localStorage.getItem(DEVICE_KEY);
  } catch {
    return null; // storage is forbidden here: a fresh device each time
  }
}

function remember(device: string): void {
  try {
    localStorage.setItem(DEVICE_KEY, device);
  } catch {
    return; // as above
  }
}
