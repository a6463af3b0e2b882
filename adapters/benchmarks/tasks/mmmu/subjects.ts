/** MMMU's domains and their subjects. Source: MMMU, mmmu/utils/data_utils.py. */
const DOMAINS = Object.entries({
  "Art and Design": ["Art", "Art_Theory", "Design", "Music"],
  Business: ["Accounting", "Economics", "Finance", "Manage", "Marketing"],
  Science: ["Biology", "Chemistry", "Geography", "Math", "Physics"],
  "Health and Medicine": [
    "Basic_Medical_Science",
    "Clinical_Medicine",
    "Diagnostics_and_Laboratory_Medicine",
    "Pharmacy",
    "Public_Health",
  ],
  "Humanities and Social Science": ["History", "Literature", "Sociology", "Psychology"],
  "Tech and Engineering": [
    "Agriculture",
    "Architecture_and_Engineering",
    "Computer_Science",
    "Electronics",
    "Energy_and_Power",
    "Materials",
    "Mechanical_Engineering",
  ],
});

/** The subject and domain of an id such as "validation_Accounting_1"; null for an id of another form. */
export function mmmuCategories(id: string): { category: string; "l2-category": string } | null {
  const subject = /^[^_]+_(.+)_\d+$/.exec(id)?.[1];
  const domain = DOMAINS.find(([, subjects]) => subjects.some((one) => one === subject));
  return subject === undefined || domain === undefined ? null : { category: subject, "l2-category": domain[0] };
}
