/** One code action for all profiles at a place, which asks for one of them, instead of an action for each. */

import * as vscode from 'vscode';

import { Command } from '../names';
import { ServerCommand } from '../wire';
import type { GenerateArguments } from '../wire';

type Offer = vscode.Command | vscode.CodeAction;

export function foldProfiles(offers: readonly Offer[]): Offer[] {
  const folded = new Map<string, GenerateArguments[]>();
  const others = offers.filter((offer) => {
    const argument = argumentOf(offer);
    if (argument?.profile === undefined) {
      return true;
    }
    const title = offer.title.slice(0, -` with ${argument.profile}`.length);
    folded.set(title, [...(folded.get(title) ?? []), argument]);
    return false;
  });
  return [...others, ...[...folded].map(([title, choices]) => choosing(`${title} with a profile…`, choices))];
}

function argumentOf(offer: Offer): GenerateArguments | undefined {
  const command = typeof offer.command === 'object' ? offer.command : (offer as vscode.Command);
  return command.command === ServerCommand.generate ? (command.arguments?.[0] as GenerateArguments) : undefined;
}

function choosing(title: string, choices: readonly GenerateArguments[]): vscode.CodeAction {
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.RefactorRewrite);
  action.command = { title, command: Command.chooseProfile, arguments: [choices] };
  return action;
}
