import { mount } from "svelte";
import App from "./App.svelte";
import { placeOf } from "./router.svelte";
import { session } from "./session.svelte";
import "../../src/dml/edge/page.css"; // What all pages of a marketplace share.
import "./console.css";

// The page comes while it is asked who is signed in. Where it does not come, `App` says so.
void placeOf(location.hash).route?.load().catch(() => undefined);

const place = document.getElementById("console")!;
place.replaceChildren();
mount(App, { target: place });
void session.resume();
