/** What the user is asked to allow, and what was decided; both are read from the conversation. */

import type { PartView } from "./model";
import { string } from "./model";
import type { Message } from "./wire";

/** The user's word on one tool call, as it is sent. */
export interface Decision {
  readonly id: string;
  readonly approve: boolean;
  /** Whether the tool is allowed for the rest of the session. */
  readonly always?: boolean;
  readonly reason?: string;
}

/** A tool call that the user is asked to allow. */
export interface Request {
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  readonly server: string;
  readonly args: string;
}

const REQUEST = "mcp_approval_request";
const RESPONSE = "mcp_approval_response";

/** What a part asks, if it asks. */
export function requestOf(part: PartView): Request | null {
  if (part.type !== REQUEST) return null;
  const data = part.contents.find((content) => content.data)?.data;
  const id = string(data?.["id"]);
  if (!data || !id) return null;
  const args = data["arguments"];
  return {
    id,
    callId: string(data["call_id"]) || id.replace(/^apr_/, ""),
    name: string(data["name"]) || "tool",
    server: string(data["server_label"]),
    args: typeof args === "string" ? args : JSON.stringify(args ?? {}),
  };
}

/** The decisions that an input brings. */
export function decisionsOf(input: readonly Message[]): Decision[] {
  return input
    .filter((message) => message.type === RESPONSE)
    .flatMap((message) => message.content ?? [])
    .flatMap((content) => {
      const data = "data" in content && content.type === "data" ? content.data : null;
      if (!data || typeof data !== "object") return [];
      const { approval_request_id: id, approve, always, reason } = data as Record<string, unknown>;
      if (!string(id)) return [];
      return [
        {
          id: string(id),
          approve: approve === true,
          always: always === true,
          reason: string(reason),
        },
      ];
    });
}

/** Whether an input says nothing but what was decided: then the answer above goes on. */
export function onlyDecides(input: readonly Message[]): boolean {
  return input.length > 0 && input.every((message) => message.type === RESPONSE);
}
