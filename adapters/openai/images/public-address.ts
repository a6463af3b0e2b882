import { isIP, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/** What the internet's registries give out of IPv6 (RFC 4291, IANA's table): 2000::/3 and nothing else. */
const GLOBAL = ipaddr.IPv6.parseCIDR("2000::/3");
/** Blocks in it that are no hosts: documentation (RFC 9637). ipaddr.js knows the others. */
const DOCUMENTATION = ipaddr.IPv6.parseCIDR("3fff::/20");

/**
 * Whether an IP address belongs to the public internet: no loopback, private, link-local or reserved one, and no IPv6
 * address that leads to an IPv4 address of another kind, however it holds it.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes("%")) return false;
  // `process` reads an IPv4 address that is mapped into IPv6 as what it is, and takes ::8.8.8.8 for one if it has dots.
  const ip = ipaddr.process(isIPv6(address) ? withoutDots(address) : address);
  if (ip.range() !== "unicast") return false; // 6to4, Teredo and NAT64, which hold IPv4 addresses, have ranges too
  if (!(ip instanceof ipaddr.IPv6)) return true;
  return ip.match(GLOBAL) && !ip.match(DOCUMENTATION) && !isIsatap(ip);
}

const withoutDots = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);

/** ISATAP (RFC 5214): any prefix, then 0:5efe or 200:5efe, then an IPv4 address. */
const isIsatap = ({ parts }: ipaddr.IPv6): boolean => ((parts[4] ?? 0) & ~0x200) === 0 && parts[5] === 0x5efe;
