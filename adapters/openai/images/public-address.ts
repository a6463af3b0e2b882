import ipaddr from "ipaddr.js";

/** Whether an IP address belongs to the public internet: no loopback, private, link-local, mapped or reserved one. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // `process` reads an IPv4 address that is mapped into IPv6 as what it is.
  return ipaddr.process(address).range() === "unicast";
}
