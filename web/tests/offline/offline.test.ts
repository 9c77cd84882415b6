/** What decides about the service worker; what it does is proved in a browser (e2e/test_start.py). */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { integrityOf } from "../../src/network/integrity";
import { isApart } from "../../src/config/options";
import { keepOffline } from "../../src/offline/offline";

describe("offline", () => {
  it("comes unasked only where no page of the host's is in the folder", () => {
    expect(isApart("https://host/sporewright/", "https://host/app.html")).toBe(true);
    expect(isApart("https://host/sporewright/", "https://host/sporewright/index.html")).toBe(false);
    expect(isApart("https://host/", "https://host/app.html")).toBe(false);
    expect(isApart("https://host/", undefined)).toBe(false);
  });

  it("is nothing where the browser has no service workers", async () => {
    await expect(keepOffline("https://host/sporewright/", true)).resolves.toBeUndefined();
  });

  it("spells a hash as the browser compares it", () => {
    const hash = createHash("sha256").update("text");
    const hex = hash.copy().digest("hex");
    expect(integrityOf(hex)).toBe(`sha256-${hash.digest("base64")}`);
  });
});
