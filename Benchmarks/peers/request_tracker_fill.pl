#!/usr/bin/perl
# Tickets straight through Request Tracker's own API, without its mails: usage RT_SITE_CONFIG=... request_tracker_fill.pl COUNT WORD...
use lib '/usr/share/request-tracker5/lib';
use strict;
use warnings;
use MIME::Entity;
use RT;
RT::LoadConfig();
RT::Init();
require RT::Ticket;

my ($count, @words) = @ARGV;

sub text {
    my $length = shift;
    return join ' ', map { $words[rand @words] } 1 .. $length;
}

for (1 .. $count) {
    my $body = MIME::Entity->build(Data => [text(60)], Type => 'text/plain');
    my ($id, undef, $message) = RT::Ticket->new(RT->SystemUser)->Create(
        Queue => 'General', Subject => text(7), Requestor => 'u' . int(rand 200) . '@peer.test', MIMEObj => $body);
    die $message unless $id;
}
