import { chromium } from "playwright-core";
const base = "http://127.0.0.1:8499";
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox","--headless","--disable-gpu"] });
const ctx = await browser.newContext({ viewport: { width: 1280, height: 900 } });
const page = await ctx.newPage();
const form = (path, data) => ctx.request.post(base + path, { form: data, maxRedirects: 0 });
console.log((await form("/compliance/collections", {action:"save",revision:"0",original:"",name:"Fargate tasks",description:"The example and its like",hosts:"fargate-vulnerability-*\ncheckout-*"})).status());
const rule = {action:"save",revision:"1",original:"",name:"Fargate tasks",notes:"As the documentation says",stage:"any",collection:"Fargate tasks","check-426":"alert","check-425":"fail",others:"ignore",more:""};
console.log((await form("/compliance/rules", rule)).status());
console.log((await form("/compliance/exceptions", {action:"save",revision:"2",original:"",name:"bench",check:"425",collection:"All",owner:"ada@example.org",expires:"2027-01-31",subjects:"/srv/*",reason:"Load test"})).status());
await page.goto(base+"/compliance/images");
const detail = await page.locator("#list a.open").first().getAttribute("href").catch(()=>null);
const list = [["standards","/compliance"],["images","/compliance/images"],["image",detail],["ci","/compliance/images?stage=ci"],["rules","/compliance/rules?edit=Fargate%20tasks"],["collections","/compliance/collections?edit=Fargate%20tasks"],["exceptions","/compliance/exceptions?new=1"]];
for (const theme of ["light","dark"]) {
  await ctx.addCookies([{name:"fargard_theme",value:theme,url:base}]);
  for (const [n,p] of list) { if(!p) continue; await page.goto(base+p); if(n==="standards") for (const d of await page.locator("details.controls").all()) await d.evaluate(e=>e.open=true); await page.screenshot({path:`/tmp/pol_${n}_${theme}.png`, fullPage:true}); }
}
await page.setViewportSize({width:400,height:800});
for (const [n,p] of list) { if(!p) continue; await page.goto(base+p); const o = await page.evaluate(()=>document.documentElement.scrollWidth-document.documentElement.clientWidth); console.log(n,"overflow",o); await page.screenshot({path:`/tmp/pol_${n}_narrow.png`, fullPage:true}); }
await browser.close();
