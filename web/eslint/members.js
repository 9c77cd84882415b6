/**
 * Members of the browser's own objects that a promised browser lacks, by MDN's data. eslint-plugin-compat sees globals and
 * their static members; this sees `entry.responseStatus`, by its type. Whoever asks for such a member types it as optional.
 */
import data from "@mdn/browser-compat-data" with { type: "json" };
import browserslist from "browserslist";
import { ESLintUtils } from "@typescript-eslint/utils";
import ts from "typescript";

const MDN_NAMES = { chrome: "chrome", firefox: "firefox", safari: "safari", ios_saf: "safari_ios" };

/** The oldest promised version of each browser, by MDN's names. */
function oldest() {
  const versions = new Map();
  for (const [name, version] of browserslist().map((each) => each.split(" "))) {
    const [number, known] = [parseFloat(version), versions.get(MDN_NAMES[name])];
    if (Number.isFinite(number)) versions.set(MDN_NAMES[name], Math.min(number, known ?? number));
  }
  return [...versions];
}

/** The promised browsers that lack `member` of `type`; none where MDN does not know it. */
function lacking(type, member, browsers) {
  const support = data.api[type]?.[member]?.__compat?.support;
  if (!support) return [];
  return browsers.filter(([browser, version]) => {
    const [newest] = [support[browser] ?? []].flat();
    const added = parseFloat(String(newest?.version_added).replace("≤", ""));
    return !(added <= version) || newest.flags || newest.version_removed;
  });
}

const fromBrowser = (symbol) =>
  symbol?.declarations?.some((each) => /lib\.(dom|webworker)[^/]*\.d\.ts$/.test(each.getSourceFile().fileName));

export const members = ESLintUtils.RuleCreator.withoutDocs({
  meta: { type: "problem", schema: [], messages: { lacks: "{{type}}.{{member}} is not in {{browsers}}" } },
  defaultOptions: [],
  create(context) {
    const services = ESLintUtils.getParserServices(context);
    const checker = services.program.getTypeChecker();
    const browsers = oldest();
    /** What one of the types lacks, as data of the message; null where it has the member or types it as optional. */
    const lack = (type, member) => {
      const symbol = checker.getPropertyOfType(type, member);
      if (!fromBrowser(symbol) || symbol.flags & ts.SymbolFlags.Optional) return null;
      const declared = symbol.declarations.map((each) => each.parent?.name?.text);
      for (const name of new Set([type.symbol?.name, ...declared])) {
        const missing = lacking(name, member, browsers).map((each) => each.join(" "));
        if (missing.length > 0) return { type: name, member, browsers: missing.join(", ") };
      }
      return null;
    };
    const check = (node, type, member) => {
      const types = (type.isUnion() ? type.types : [type]).filter((each) => checker.getPropertyOfType(each, member));
      // Of several types the one that every browser has is meant, too: which one it is has been asked.
      const [data, ...more] = types.map((each) => lack(each, member));
      if (data && more.every(Boolean)) context.report({ node, messageId: "lacks", data });
    };
    return {
      MemberExpression({ object, property, computed }) {
        if (!computed) check(property, services.getTypeAtLocation(object), property.name);
      },
      ObjectPattern(node) {
        const type = services.getTypeAtLocation(node);
        for (const { key } of node.properties) if (key?.name) check(key, type, key.name);
      },
    };
  },
});
