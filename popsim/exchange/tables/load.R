# Reads the draws of a popsim run, in base R alone, and hands them to BCEA, dampack, hesim or SAVI.
#
#   source("load.R", chdir = TRUE)   or   psa <- load_popsim("folder")
#   psa$cost, psa$effect             draws x strategies; the comparator is the first column
#   icer_table(psa); net_benefit(psa); acceptability(psa); evpi(psa)      at psa$threshold, or at another one
#   check_popsim(psa)                stops unless all of these are the numbers that popsim itself printed
#   BCEA:    do.call(BCEA::bcea, for_bcea(psa))
#   dampack: do.call(dampack::make_psa_obj, for_dampack(psa))
#   hesim:   ce <- for_hesim(psa); hesim::cea(ce, k = seq(0, 50000, 1000), sample = "sample",
#            strategy = "strategy_id", grp = "grp_id", e = "effect", c = "cost"), and cea_pw(..., comparator = 1)
#   SAVI:    upload savi_costs.csv, savi_effects.csv and savi_parameters.csv
#
# The draws are those of popsim's decision: means over replications, without their Monte Carlo noise. Those with noise
# are in costs_simulated.csv and effects_simulated.csv.

load_popsim <- function(folder = ".") {
  table <- function(name) {
    utils::read.csv(file.path(folder, name), check.names = FALSE, stringsAsFactors = FALSE)
  }
  matrix_of <- function(name) as.matrix(table(name)[, -1, drop = FALSE])
  strategies <- table("strategies.csv")
  about <- table("about.csv")
  said <- stats::setNames(as.list(about$value), about$key)
  parameters <- if (file.exists(file.path(folder, "parameters.csv"))) table("parameters.csv")[, -1, drop = FALSE]
  list(
    strategies = strategies$strategy,
    titles = strategies$title,
    reference = 1L,
    cost = matrix_of("costs.csv"),
    effect = matrix_of("effects.csv"),
    draws = table("costs.csv")$draw,
    parameters = parameters,
    threshold = as.numeric(said$willingness_to_pay),
    currency = said$currency,
    effect_unit = said$effect_unit,
    results = table("popsim_results.csv"),
    about = said
  )
}

ROUNDING <- 1e-9 # relative: smaller differences are rounding, as popsim takes them

# The strategy that a later one equals in every draw; NA for one that equals none before it.
same_as <- function(psa) {
  alike <- function(table, i, j) all(abs(table[, i] - table[, j]) <= ROUNDING * abs(table[, j]))
  same <- rep(NA_integer_, length(psa$strategies))
  for (i in seq_along(same)[-1]) {
    for (j in seq_len(i - 1)) {
      if (is.na(same[i]) && is.na(same[j]) && alike(psa$cost, i, j) && alike(psa$effect, i, j)) same[i] <- j
    }
  }
  same
}

# Incremental analysis of mean costs and effects. Dominated: another costs no more and gives no less. Extendedly
# dominated: what it gives over a cheaper strategy costs more for each unit than what a dearer one gives over it.
icer_table <- function(psa) {
  cost <- colMeans(psa$cost)
  effect <- colMeans(psa$effect)
  same <- same_as(psa)
  count <- length(cost)
  status <- rep("on the frontier", count)
  left <- which(is.na(same))
  for (i in left) {
    for (j in setdiff(left, i)) {
      no_worse <- cost[j] <= cost[i] && effect[j] >= effect[i]
      better <- cost[j] < cost[i] || effect[j] > effect[i]
      if (no_worse && (better || j < i)) status[i] <- "dominated"
    }
  }
  repeat {
    on <- intersect(left, which(status == "on the frontier"))
    on <- on[order(cost[on])]
    if (length(on) < 3) break
    ratio <- diff(cost[on]) / diff(effect[on])
    steeper <- which(utils::head(ratio, -1) > ratio[-1])
    if (!length(steeper)) break
    status[on[steeper[1] + 1]] <- "extendedly dominated"
  }
  status[!is.na(same)] <- paste("same as", psa$strategies[same[!is.na(same)]])
  cost_step <- effect_step <- rep(NA_real_, count)
  on <- intersect(left, which(status == "on the frontier"))
  on <- on[order(cost[on])]
  cost_step[on[-1]] <- diff(cost[on])
  effect_step[on[-1]] <- diff(effect[on])
  data.frame(
    strategy = psa$strategies, cost = cost, effect = effect, status = status, cost_step = cost_step,
    effect_step = effect_step, icer = cost_step / effect_step, stringsAsFactors = FALSE, row.names = NULL
  )
}

# Net monetary benefit of each strategy in each draw.
net_benefit <- function(psa, threshold = psa$threshold) threshold * psa$effect - psa$cost

# Probability of the highest net benefit (ties are shared), expected loss, and whether a strategy is the best on average.
acceptability <- function(psa, threshold = psa$threshold) {
  if (nrow(psa$cost) < 2) stop("one draw: no acceptability")
  benefit <- net_benefit(psa, threshold)
  most <- apply(benefit, 1, max)
  rounding <- ROUNDING * max(threshold * abs(psa$effect) + abs(psa$cost))
  best <- benefit >= most - rounding
  means <- colMeans(benefit)
  data.frame(
    strategy = psa$strategies, net_monetary_benefit = means, probability = colMeans(best / rowSums(best)),
    expected_loss = mean(most) - means, optimal = means == max(means), row.names = NULL
  )
}

# Expected value of perfect information, per person.
evpi <- function(psa, threshold = psa$threshold) {
  benefit <- net_benefit(psa, threshold)
  gain <- mean(apply(benefit, 1, max)) - max(colMeans(benefit))
  if (gain > ROUNDING * max(abs(benefit - benefit[, psa$reference]))) gain else 0
}

# Whether base R finds in the files what popsim printed; stops at the first figure that is not the same to 1e-9.
check_popsim <- function(psa, tolerance = 1e-9) {
  figure <- function(name) {
    rows <- psa$results[psa$results$figure == name, ]
    rows$value[match(psa$strategies, rows$strategy)]
  }
  worst <- 0
  compare <- function(name, here, scale = max(abs(here), 1, na.rm = TRUE)) {
    there <- figure(name)
    if (!identical(is.na(there), is.na(here))) stop(name, ": known here and unknown there, or the reverse")
    off <- max(c(0, abs(there - here) / scale), na.rm = TRUE)
    if (off > tolerance) stop(sprintf("%s: %.17g here, %.17g by popsim", name, here, there))
    worst <<- max(worst, off)
  }
  table <- icer_table(psa)
  compare("icer", table$icer)
  compare("net_monetary_benefit", unname(colMeans(net_benefit(psa))))
  said <- psa$results[psa$results$figure == "status", ]
  if (!identical(said$text[match(psa$strategies, said$strategy)], table$status)) stop("status: not as popsim's")
  if ("probability" %in% psa$results$figure) {
    found <- acceptability(psa)
    compare("probability", found$probability)
    compare("expected_loss", found$expected_loss, max(abs(found$net_monetary_benefit), 1))
  }
  if ("evpi" %in% psa$results$figure) {
    there <- psa$results$value[psa$results$figure == "evpi"]
    here <- evpi(psa)
    off <- abs(there - here) / max(abs(colMeans(net_benefit(psa))), 1)
    if (off > tolerance) stop(sprintf("evpi: %.17g here, %.17g by popsim", here, there))
    worst <- max(worst, off)
  }
  message(sprintf("All figures are popsim's; the largest relative difference is %.1e.", worst))
  invisible(worst)
}

for_bcea <- function(psa) {
  list(eff = psa$effect, cost = psa$cost, ref = psa$reference, interventions = psa$titles)
}

for_dampack <- function(psa) {
  named <- function(table) stats::setNames(as.data.frame(table), make.names(psa$strategies))
  list(
    cost = named(psa$cost), effectiveness = named(psa$effect), parameters = psa$parameters,
    strategies = make.names(psa$strategies), currency = psa$currency
  )
}

for_hesim <- function(psa) {
  count <- nrow(psa$cost)
  data.frame(
    sample = rep(seq_len(count), times = ncol(psa$cost)),
    strategy_id = rep(seq_len(ncol(psa$cost)), each = count),
    grp_id = 1L, effect = as.vector(psa$effect), cost = as.vector(psa$cost)
  )
}

if (file.exists("about.csv")) psa <- load_popsim(".")
